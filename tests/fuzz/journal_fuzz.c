/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log whose last file was changed in any way, or is of any bytes at all: opening it must end well
 * or with E_IO, and whatever it gives must have been written.
 *
 * The input's first byte says how many entries are written (none: what follows is the file), the
 * second how long they are; then come changes of four bytes each: what, where (two), how.  What a
 * log of raw bytes gives is checked by a model of the frame that shares nothing with the reader.
 */
#include "base/log.h"
#include "journal/journal.h"
#include "journal/journal_dir.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX (1 << 16)
#define NAME           "fuzz"
#define FIRST_FILE     "/" NAME "/00000000000000000000.log"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing here outlives the run, so it need not reach a disk; and thousands of lines a second about
 * damage are read by nobody. */
int fsync(int file)
{
	(void)file;
	return 0;
}

int fdatasync(int file)
{
	(void)file;
	return 0;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	(void)level;
	(void)event;
	(void)format;
}

static char root[256], path[300];

static void remove_root(void)
{
	char folder[300];

	snprintf(folder, sizeof(folder), "%s/" NAME, root);
	unlink(path);
	rmdir(folder);
	rmdir(root);
}

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void make_root(void)
{
	const char *tmp = getenv("TMPDIR");

	if (root[0] != '\0')
		return;
	snprintf(root, sizeof(root), "%s/sluice-fuzz-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : (tmp == NULL ? "/tmp" : tmp));
	check(mkdtemp(root) != NULL, "mkdtemp");
	snprintf(path, sizeof(path), "%s" FIRST_FILE, root);
	atexit(remove_root);
}

static struct journal *open_journal(void)
{
	struct journal_dir_options options = {
	    .path = root, .log_bytes_max = 1 << 20, .bytes_max = 1 << 20};
	struct journal *journal = NULL;

	check(journal_dir_open(&options, &journal, NULL) == OK, "open");
	return journal;
}

/* The file as it is now in memory. */
static char file[FILE_BYTES_MAX], original[FILE_BYTES_MAX];
static size_t file_bytes, original_bytes;

static void load_file(void)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, file, sizeof(file));

	if (fd >= 0)
		close(fd);
	check(n >= 0, "read the file");
	file_bytes = (size_t)n;
}

static void store_file(void)
{
	char folder[300];
	int fd;

	snprintf(folder, sizeof(folder), "%s/" NAME, root);
	mkdir(folder, 0700);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	check(fd >= 0 && write(fd, file, file_bytes) == (ssize_t)file_bytes, "write the file");
	close(fd);
}

static void write_entries(size_t count, size_t step)
{
	static char entry[8192];
	struct journal *journal = open_journal();
	int64_t end;

	for (size_t i = 0; i < count; i++) {
		memset(entry, i % 2 == 0 ? (int)('a' + i) : 0, sizeof(entry));
		check(journal_append(journal, NAME, (struct slice){entry, step * 31 * i % 5000},
			  &end, NULL) == OK,
		    "append");
	}
	journal_close(&journal);
}

static void change_file(const uint8_t *change)
{
	size_t at = (size_t)(change[1] | change[2] << 8), run = change[3];

	if (file_bytes == 0)
		return;
	at %= file_bytes;
	switch (change[0] % 5) {
	case 0:
		file[at] = (char)(file[at] ^ change[3]);
		break;
	case 1:
		file_bytes = at;
		break;
	case 2: /* a sector that did not get to the disk */
		at = at / 512 * 512;
		memset(file + at, 0, file_bytes - at < 512 ? file_bytes - at : 512);
		break;
	case 3: /* some of it again, at the end */
		run = run * 8 < file_bytes - at ? run * 8 : file_bytes - at;
		if (file_bytes + run > sizeof(file))
			return;
		memcpy(file + file_bytes, file + at, run);
		file_bytes += run;
		break;
	default: /* some of it missing */
		run = run * 8 < file_bytes - at ? run * 8 : file_bytes - at;
		memmove(file + at, file + at + run, file_bytes - at - run);
		file_bytes -= run;
	}
}

/* CRC-32 bit by bit. */
static uint32_t crc_of(uint32_t crc, const void *bytes, size_t count)
{
	const uint8_t *at = bytes;

	crc = ~crc;
	while (count-- > 0) {
		crc ^= *at++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static uint32_t number_at(const char *at)
{
	uint32_t number;

	memcpy(&number, at, sizeof(number));
	return number;
}

/* What was given at ${position} must stand in the file with both of its checksums. */
static void check_frame(int64_t position, struct slice entry)
{
	const char *at = file + position;

	check((size_t)position + 32 + entry.len <= file_bytes, "given past the end");
	check(memcmp(at, "SJL1", 4) == 0 && number_at(at + 4) == entry.len, "not a header");
	check(memcmp(at + 8, &position, 8) == 0, "given from another place");
	check(number_at(at + 24) == crc_of(0, entry.ptr, entry.len), "the entry's checksum");
	check(number_at(at + 28) == crc_of(crc_of(0, NAME, strlen(NAME)), at, 28),
	    "the header's checksum");
	check(memcmp(at + 32, entry.ptr, entry.len) == 0, "not what stands there");
}

struct walk {
	bool changed; /* a written log that was changed; not one of raw bytes */
	int64_t end;
	size_t count;
	bool last_is_new;
};

static enum status check_entry(void *ctx, int64_t position, struct slice entry, struct err *err)
{
	struct walk *walk = ctx;

	(void)err;
	check(position == walk->end, "a hole");
	walk->last_is_new = slice_is(entry, "new");
	if (!walk->last_is_new) {
		check_frame(position, entry);
		check(!walk->changed ||
			  ((size_t)position + 32 + entry.len <= original_bytes &&
			      memcmp(original + position + 32, entry.ptr, entry.len) == 0),
		    "never written");
	}
	walk->end = position + (int64_t)((32 + entry.len + 7) / 8 * 8);
	walk->count++;
	return OK;
}

/* Read all; false: E_IO. */
static bool read_all(struct journal *journal, struct walk *walk)
{
	struct journal_state state;
	struct arena arena;
	enum status st;
	int64_t next;

	walk->end = 0;
	walk->count = 0;
	st = journal_state(journal, NAME, &state, NULL);
	check(st == OK || st == E_IO, "state");
	if (st != OK)
		return false;
	arena_init(&arena, 4096);
	st = journal_read(
	    journal, NAME, 0, state.end, SIZE_MAX, &arena, check_entry, walk, &next, NULL);
	arena_fini(&arena);
	check(st == OK && next == state.end, "what an opening leaves is whole");
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct walk walk = {.changed = false};
	struct journal *journal;
	size_t count;
	int64_t end;

	if (size < 2 || size > 16000)
		return 0;
	make_root();
	unlink(path);
	if (data[0] % 8 == 0) {
		file_bytes = size - 2;
		memcpy(file, data + 2, file_bytes);
	} else {
		walk.changed = true;
		write_entries(data[0] % 8, data[1]);
		load_file();
		memcpy(original, file, file_bytes);
		original_bytes = file_bytes;
		for (size_t i = 2; i + 4 <= size && i < 42; i += 4)
			change_file(data + i);
	}
	store_file();

	journal = open_journal();
	if (!read_all(journal, &walk)) {
		check(journal_append(journal, NAME, SLICE("new"), &end, NULL) == E_IO, "refused");
		check(journal_remove(journal, NAME, NULL) == OK, "remove");
		journal_close(&journal);
		return 0;
	}
	count = walk.count;
	check(journal_append(journal, NAME, SLICE("new"), &end, NULL) == OK, "append");
	journal_close(&journal);
	journal = open_journal();
	check(read_all(journal, &walk), "opened again");
	check(walk.count == count + 1 && walk.last_is_new, "what was appended is there");
	journal_close(&journal);
	return 0;
}
