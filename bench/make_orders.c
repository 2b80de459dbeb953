/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same orders as examples/ecomm/make-orders ROWS FIRST writes, byte for byte (tests/bench/ compares), without the
 * mistakes and at a speed that makes twenty million of them a matter of seconds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[] = {"Ada Lovelace", "Grace Hopper", "Alan Turing",
    "Edsger Dijkstra", "Barbara Liskov", "Donald Knuth", "Frances Allen", "Niklaus Wirth"};
static const char *const streets[] = {"Elm Street", "High Street", "Station Road", "Mill Lane",
    "Church Road", "Park Avenue", "Bridge Street"};

/* printf() would take four fifths of the time. */
static char *put_text(char *at, const char *text)
{
	while (*text != '\0')
		*at++ = *text++;
	return at;
}

static char *put_number(char *at, uint64_t number, int digits_min)
{
	char digits[24];
	int n = 0;

	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0 || n < digits_min);
	while (n > 0)
		*at++ = digits[--n];
	return at;
}

static char *put_row(char *at, uint64_t n, uint64_t seed)
{
	at = put_number(put_text(at, "ORD-"), n, 8);
	*at++ = ',';
	at = put_text(at, names[seed % 8]);
	at = put_number(put_text(at, ",2021-"), n % 12 + 1, 2);
	*at++ = '-';
	at = put_number(at, n % 28 + 1, 2);
	*at++ = 'T';
	at = put_number(at, n % 24, 2);
	*at++ = ':';
	at = put_number(at, n % 60, 2);
	*at++ = ':';
	at = put_number(at, seed % 60, 2);
	at = put_text(at, seed % 5 != 0 ? ".000Z,false,\"" : ".000Z,true,\"");
	at = put_number(at, seed % 300 + 1, 1);
	*at++ = ' ';
	at = put_text(put_text(at, streets[seed % 7]), ", Springfield\",");
	at = put_number(at, seed % 900 + 10, 1);
	*at++ = '.';
	at = put_number(at, seed % 97, 2);
	at = put_number(put_text(at, ",0.0"), seed % 9, 1);
	at = put_number(put_text(at, ",2021-12-"), n % 28 + 1, 2);
	return put_text(at, "T08:00:00Z\n");
}

int main(int argc, char **argv)
{
	static char buffer[1 << 20];
	char *at = buffer;
	uint64_t rows, first, seed = 12345;

	if (argc != 3) {
		fprintf(stderr, "usage: make_orders ROWS FIRST\n");
		return 2;
	}
	rows = strtoull(argv[1], NULL, 10);
	first = strtoull(argv[2], NULL, 10);
	at = put_text(at, "id,contact_name,created_date,tax_exempt,ship_address,total,tax_rate,"
			  "modified_date\n");
	for (uint64_t i = 0; i < rows; i++) {
		seed = seed * 16807 % 2147483647;
		at = put_row(at, first + i, seed);
		if (at > buffer + sizeof(buffer) - 512) {
			fwrite(buffer, 1, (size_t)(at - buffer), stdout);
			at = buffer;
		}
	}
	fwrite(buffer, 1, (size_t)(at - buffer), stdout);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
