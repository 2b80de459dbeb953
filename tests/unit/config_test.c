/* SPDX-License-Identifier: Apache-2.0 */
/* Options: defaults, config file, environment, flags; which one wins, and what is said of a bad
 * one. */
#include "config/config.h"
#include "config/manual.h"
#include "config/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define FILE_NAME "config_test.conf"

/* Every test works in a folder of its own, with none of our variables set. */
static int enter_folder(void **state)
{
	char *folder = strdup("/tmp/sluice-config-XXXXXX");

	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
		char name[OPTION_TEXT_BYTES];

		option_environment_name(&option_table[i], name);
		unsetenv(name);
	}
	*state = folder;
	return 0;
}

static int leave_folder(void **state)
{
	unlink(FILE_NAME);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(*state), 0);
	free(*state);
	return 0;
}

static void write_file(struct slice text)
{
	FILE *file = fopen(FILE_NAME, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text.ptr, 1, text.len, file), text.len);
	assert_int_equal(fclose(file), 0);
}

/* ${args} ends in NULL. */
static bool read_args(struct config_reading *reading, const char *const *args)
{
	int argc = 0;

	while (args[argc] != NULL)
		argc++;
	return config_read(reading, argc, (char **)args);
}
#define READ(reading, ...) read_args(reading, (const char *const[]){__VA_ARGS__, NULL})

/* Reads ${args}; exactly the problems of ${expected}, a line each, must come out. */
static void expect_problems(const char *const *args, const char *expected)
{
	struct config_reading reading;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_false(read_args(&reading, args));
	assert_non_null(out);
	manual_print_problems(&reading, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, expected);
	free(text);
	config_reading_fini(&reading);
}
#define PROBLEMS(expected, ...)                                                                    \
	expect_problems((const char *const[]){__VA_ARGS__, NULL}, "sluice: " expected "\n")

/* What one line of a file is answered with, --data being given. */
static void expect_file_problem(struct slice text, const char *expected)
{
	const char *const args[] = {"--data=d", "--config=" FILE_NAME, NULL};

	write_file(text);
	expect_problems(args, expected);
}

/* --- Sources ---------------------------------------------------------------------------------- */

static void defaults_hold_when_nothing_is_said(void **state)
{
	struct config_reading reading;

	(void)state;
	assert_true(READ(&reading, "--data", "d"));
	assert_string_equal(reading.values.data, "d");
	assert_string_equal(reading.values.config_file, "");
	assert_string_equal(reading.values.listen, "127.0.0.1:8080");
	assert_int_equal(reading.values.workers, 2);
	assert_int_equal(reading.values.ready_fd, -1);
	assert_int_equal(reading.values.query_timeout_ms, 30000);
	assert_int_equal(reading.values.log_level, 2);
	assert_string_equal(reading.origins[CONFIG_ROW_data].name, "flag");
	assert_string_equal(reading.origins[CONFIG_ROW_workers].name, "default");
	config_reading_fini(&reading);
}

static void a_flag_wins_over_the_environment_that_over_the_file_that_over_the_default(void **state)
{
	struct config_reading reading;

	(void)state;
	write_file(SLICE("workers = 3\nquery-rows = 4\ndrain = 5\nlog-level = warn\n\ndata = f\n"));
	setenv("SLUICE_CONFIG", FILE_NAME, 1);
	setenv("SLUICE_WORKERS", "6", 1);
	setenv("SLUICE_QUERY_ROWS", "7", 1);
	setenv("SLUICE_LISTEN", "[::1]:9", 1);
	assert_true(READ(&reading, "--workers", "8"));
	assert_int_equal(reading.values.workers, 8);
	assert_int_equal(reading.values.query_rows_max, 7);
	assert_int_equal(reading.values.drain_s, 5);
	assert_int_equal(reading.values.log_level, 1);
	assert_int_equal(reading.values.lake_threads, 2);
	assert_string_equal(reading.values.data, "f");
	assert_string_equal(reading.values.listen, "[::1]:9");
	assert_string_equal(reading.origins[CONFIG_ROW_workers].name, "flag");
	assert_string_equal(reading.origins[CONFIG_ROW_query_rows_max].name, "SLUICE_QUERY_ROWS");
	assert_string_equal(reading.origins[CONFIG_ROW_drain_s].name, FILE_NAME ":3");
	assert_string_equal(reading.origins[CONFIG_ROW_data].name, FILE_NAME ":6");
	assert_string_equal(reading.origins[CONFIG_ROW_lake_threads].name, "default");
	config_reading_fini(&reading);
}

static void the_flag_names_the_file_before_the_environment_does(void **state)
{
	struct config_reading reading;

	(void)state;
	write_file(SLICE("workers = 3\n"));
	setenv("SLUICE_CONFIG", "missing.conf", 1);
	assert_true(READ(&reading, "--data=d", "--config", FILE_NAME));
	assert_int_equal(reading.values.workers, 3);
	config_reading_fini(&reading);
}

static void an_empty_variable_is_as_good_as_none_and_a_strange_one_is_ignored(void **state)
{
	struct config_reading reading;

	(void)state;
	setenv("SLUICE_WORKERS", "", 1);
	setenv("SLUICE_TOKEN", "secret", 1);
	setenv("SLUICE_URL", "http://127.0.0.1:1", 1);
	setenv("SLUICE_NO_SUCH", "1", 1);
	assert_true(READ(&reading, "--data=d"));
	assert_int_equal(reading.values.workers, 2);
	config_reading_fini(&reading);
}

static void the_last_of_two_flags_counts(void **state)
{
	struct config_reading reading;

	(void)state;
	assert_true(READ(&reading, "--data=d", "--workers=3", "--workers=4"));
	assert_int_equal(reading.values.workers, 4);
	config_reading_fini(&reading);
}

static void help_is_asked_for_anywhere(void **state)
{
	struct config_reading reading;

	(void)state;
	assert_false(READ(&reading, "--data", "d", "--workers", "0", "--help"));
	assert_true(reading.help_asked);
	config_reading_fini(&reading);
	assert_false(READ(&reading, "-h"));
	assert_true(reading.help_asked);
	config_reading_fini(&reading);
}

/* --- Values ----------------------------------------------------------------------------------- */

/* Every value of the left is taken for ${name}, every one of the right refused. */
static void expect_values(const char *name, const char *const *good, const char *const *bad)
{
	const struct option_row *row = option_find(slice_of(name));
	struct config config;

	assert_non_null(row);
	for (; *good != NULL; good++) {
		if (!option_set(row, &config, *good))
			fail_msg("--%s \"%s\" is refused", name, *good);
	}
	for (; *bad != NULL; bad++) {
		if (option_set(row, &config, *bad))
			fail_msg("--%s \"%s\" is taken", name, *bad);
	}
}
#define LIST(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static void a_number_is_digits_in_its_range(void **state)
{
	(void)state;
	expect_values("workers", LIST("1", "64", "007"),
	    LIST("0", "65", "", "2x", " 2", "2 ", "+2", "-", "0x2", "1e1", "99999999999999999999"));
	expect_values("ready-fd", LIST("-1", "0", "1023"), LIST("-2", "1024", "--1", "- 1"));
}

static void a_choice_is_one_of_its_words_and_known_by_its_place(void **state)
{
	static const char *const words[] = {"error", "warn", "info", "debug"};
	const struct option_row *row = option_find(SLICE("log-level"));
	struct config config;

	(void)state;
	expect_values("log-level", LIST("error", "debug"),
	    LIST("loud", "inf", "infos", "info|debug", "Info", "2", ""));
	for (int i = 0; i < 4; i++) {
		char room[OPTION_TEXT_BYTES];

		assert_true(option_set(row, &config, words[i]));
		assert_int_equal(config.log_level, i);
		assert_string_equal(option_value(row, &config, room), words[i]);
	}
}

static void an_address_is_a_number_and_a_port(void **state)
{
	char host[CONFIG_HOST_BYTES] = "untouched";
	uint16_t port = 1;

	(void)state;
	expect_values("listen", LIST("127.0.0.1:8080", "0.0.0.0:0", "[::]:65535", "[::1]:80"),
	    LIST("", ":", ":80", "nowhere", "localhost:80", "127.0.0.1", "127.0.0.1:", "::1:80",
		"[::1]80", "[]:80", "[127.0.0.1]:80", "127.0.0.1:65536", "127.0.0.1:-1",
		"127.0.0.1: 80", "127.0.0.1:+80", "127.1:80", "127.0.0.1:80 ",
		"[0000000000000000000000000000000000000000000000000000000000000000000000001]:80"));
	assert_false(config_split_address("localhost:80", host, &port));
	assert_string_equal(host, "untouched");
	assert_int_equal(port, 1);
	assert_true(config_split_address("[::1]:443", host, &port));
	assert_string_equal(host, "::1");
	assert_int_equal(port, 443);
}

static void a_flag_that_is_off_or_on_may_go_without_a_value(void **state)
{
	static const char *const on[][4] = {{"--data=d", "--test-controls"},
	    {"--test-controls", "--data=d"}, {"--test-controls", "on", "--data=d"},
	    {"--test-controls=on", "--data=d"}};
	struct config_reading reading;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_true(read_args(&reading, on[i]));
		assert_int_equal(reading.values.test_controls, 1);
		config_reading_fini(&reading);
	}
	assert_true(READ(&reading, "--test-controls", "off", "--data=d"));
	assert_int_equal(reading.values.test_controls, 0);
	config_reading_fini(&reading);
	/* One of other words needs one of them. */
	PROBLEMS("--emulate needs a value: --emulate WHOM", "--data=d", "--emulate");
}

#define CLEAR(address)                                                                             \
	"--listen is \"" address "\", which others can reach, and without TLS tokens and data "    \
	"would travel in the clear; give --tls-cert and --tls-key, listen on a loopback address "  \
	"such as 127.0.0.1:8080, or say --insecure-http where something else encrypts"

static void plain_http_is_for_this_machine_unless_it_is_said(void **state)
{
	static const char *const loopback[] = {
	    "--listen=127.0.0.1:80", "--listen=127.1.2.3:80", "--listen=[::1]:80"};
	struct config_reading reading;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(READ(&reading, "--data=d", loopback[i]));
		config_reading_fini(&reading);
	}
	PROBLEMS(CLEAR("0.0.0.0:80"), "--data=d", "--listen=0.0.0.0:80");
	PROBLEMS(CLEAR("[::]:80"), "--data=d", "--listen=[::]:80");
	PROBLEMS(CLEAR("10.0.0.1:80"), "--data=d", "--listen=10.0.0.1:80");
	PROBLEMS(CLEAR("[::ffff:127.0.0.1]:80"), "--data=d", "--listen=[::ffff:127.0.0.1]:80");
	PROBLEMS(CLEAR("0.0.0.0:80"), "--data=d", "--listen=0.0.0.0:80", "--insecure-http=off");
	assert_true(READ(&reading, "--data=d", "--listen=0.0.0.0:80", "--insecure-http"));
	config_reading_fini(&reading);
	assert_true(READ(&reading, "--data=d", "--listen=0.0.0.0:80", "--tls-self-signed"));
	config_reading_fini(&reading);
	assert_true(READ(
	    &reading, "--data=d", "--listen=0.0.0.0:80", "--tls-cert=c.pem", "--tls-key=k.pem"));
	config_reading_fini(&reading);
}

static void certificate_and_key_go_together_and_with_no_other(void **state)
{
	(void)state;
	PROBLEMS("--tls-cert and --tls-key go together; --tls-key is missing", "--data=d",
	    "--tls-cert=c.pem");
	PROBLEMS("--tls-cert and --tls-key go together; --tls-cert is missing", "--data=d",
	    "--tls-key=k.pem");
	PROBLEMS("--tls-self-signed makes a certificate, and --tls-cert gives one; choose",
	    "--data=d", "--tls-cert=c.pem", "--tls-key=k.pem", "--tls-self-signed");
}

static void a_path_has_480_bytes_at_most(void **state)
{
	char path[482];

	(void)state;
	memset(path, 'p', 481);
	path[481] = '\0';
	expect_values("data", LIST("x", path + 1), LIST("", path));
}

/* --- What is said ----------------------------------------------------------------------------- */

static void a_bad_flag_is_named_with_what_would_be_right(void **state)
{
	(void)state;
	PROBLEMS("--data DIR must be given: the data directory; made when it is not there",
	    "--workers=1");
	PROBLEMS("--data is \"\"; it must be a path of 1 to 480 bytes", "--data", "");
	PROBLEMS(
	    "--workers is \"65\"; it must be a number from 1 to 64", "--data=d", "--workers=65");
	PROBLEMS("--listen is \"nowhere\"; it must be ADDRESS:PORT, such as 127.0.0.1:8080 or "
		 "[::1]:8080",
	    "--data=d", "--listen", "nowhere");
	PROBLEMS("--log-level is \"loud\"; it must be one of error|warn|info|debug", "--data=d",
	    "--log-level", "loud");
	PROBLEMS("--workers needs a value: --workers N", "--data=d", "--workers");
	PROBLEMS("--workers needs a value: --workers N", "--workers", "--data=d");
	PROBLEMS("\"workers\" is not an option; see sluice serve --help", "--data=d", "workers");
	PROBLEMS("\"-\" is not an option; see sluice serve --help", "--data=d", "-");
}

static void a_name_that_is_nearly_right_is_named(void **state)
{
	static const struct {
		const char *said, *meant;
	} cases[] = {{"worker", "workers"}, {"wrokers", "workers"}, {"drian", "drain"},
	    {"idle_timeout", "idle-timeout"}, {"idletimeout", "idle-timeout"}, {"dta", "data"},
	    {"lake-treads", "lake-threads"}, {"idle-timeoutss", "idle-timeout"},
	    {"idle-timeoutsss", NULL}, {"d", NULL}, {"", NULL}, {"nonsense", NULL}, {"xxta", NULL},
	    {"lake-memory-that-is-longer-than-any-name", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct option_row *row = option_find_near(slice_of(cases[i].said));

		if (cases[i].meant == NULL && row != NULL)
			fail_msg("\"%s\" leads to %s", cases[i].said, row->name);
		if (cases[i].meant != NULL) {
			assert_non_null(row);
			assert_string_equal(row->name, cases[i].meant);
		}
	}
	PROBLEMS(
	    "there is no option --worker; did you mean --workers?", "--data=d", "--worker", "2");
	PROBLEMS(
	    "there is no option --nonsense; see sluice serve --help", "--data=d", "--nonsense=2");
}

static void a_bad_line_is_named_by_file_and_number(void **state)
{
	(void)state;
	expect_file_problem(SLICE("\n# x\nworkers = 65\n"),
	    "sluice: " FILE_NAME ":3: workers is \"65\"; it must be a number from 1 to 64\n");
	expect_file_problem(SLICE("worker = 6\n"),
	    "sluice: " FILE_NAME ":1: there is no option worker; did you mean workers?\n");
	expect_file_problem(SLICE("workers = 6\n\nworkers = 6\n"),
	    "sluice: " FILE_NAME ":3: workers stands in line 1 already; remove one of the two\n");
	expect_file_problem(SLICE("config = x\n"),
	    "sluice: " FILE_NAME ":1: config names a config file, so it cannot stand in one\n");
	expect_file_problem(SLICE("workers 6\n"),
	    "sluice: " FILE_NAME ":1: there is no =; it must be name = value\n");
	expect_file_problem(SLICE("log-level = \"\"\n"),
	    "sluice: " FILE_NAME
	    ":1: log-level is \"\"; it must be one of error|warn|info|debug\n");
}

static void a_file_that_cannot_be_read_is_refused(void **state)
{
	(void)state;
	PROBLEMS("--config: read missing.conf: No such file or directory", "--data=d",
	    "--config=missing.conf");
	PROBLEMS("--config: read .: Is a directory", "--data=d", "--config=.");
	setenv("SLUICE_CONFIG", "missing.conf", 1);
	PROBLEMS("SLUICE_CONFIG: read missing.conf: No such file or directory", "--data=d");
}

static void a_file_has_256_kib_at_most(void **state)
{
	static char text[256 * 1024 + 1];
	struct config_reading reading;

	(void)state;
	memset(text, '\n', sizeof(text));
	write_file((struct slice){text, sizeof(text) - 1});
	assert_true(READ(&reading, "--data=d", "--config=" FILE_NAME));
	config_reading_fini(&reading);
	expect_file_problem((struct slice){text, sizeof(text)},
	    "sluice: --config: " FILE_NAME " is longer than 256 KiB\n");
}

static void all_problems_are_told_at_once(void **state)
{
	(void)state;
	write_file(SLICE("drain = x\nnonsense = 1\n"));
	setenv("SLUICE_QUERY_ROWS", "0", 1);
	PROBLEMS("--workers is \"x\"; it must be a number from 1 to 64\n"
		 "sluice: there is no option --dat; did you mean --data?\n"
		 "sluice: SLUICE_QUERY_ROWS is \"0\"; it must be a number from 1 to 1000000\n"
		 "sluice: " FILE_NAME ":1: drain is \"x\"; it must be a number from 0 to 3600\n"
		 "sluice: " FILE_NAME ":2: there is no option nonsense; see sluice serve --help\n"
		 "sluice: --data DIR must be given: the data directory; made when it is not there",
	    "--workers", "x", "--dat", "d", "--config=" FILE_NAME);
}

static void a_bad_value_is_told_though_another_wins_over_it(void **state)
{
	(void)state;
	setenv("SLUICE_WORKERS", "0", 1);
	PROBLEMS(
	    "SLUICE_WORKERS is \"0\"; it must be a number from 1 to 64", "--data=d", "--workers=1");
}

static void many_problems_are_counted(void **state)
{
	char text[23 * 2 + 1] = "", expected[4096] = "";

	(void)state;
	for (int i = 1; i <= 23; i++) {
		strcat(text, "x\n");
		if (i <= CONFIG_PROBLEMS_MAX)
			sprintf(expected + strlen(expected),
			    "sluice: " FILE_NAME ":%d: there is no =; it must be name = value\n",
			    i);
	}
	strcat(expected, "sluice: and 3 more\n");
	expect_file_problem(slice_of(text), expected);
}

static void a_long_or_strange_value_is_shown_in_part(void **state)
{
	(void)state;
	PROBLEMS("--workers is \"a?[31mb\"; it must be a number from 1 to 64", "--data=d",
	    "--workers", "a\033[31mb");
	PROBLEMS("--workers is \"1234567890123456789012345678901234567890"
		 "1234567890123456789012345678901234567890…\"; it must be a number from 1 to 64",
	    "--data=d", "--workers",
	    "1234567890123456789012345678901234567890"
	    "12345678901234567890123456789012345678901");
}

/* --- The table -------------------------------------------------------------------------------- */

static void every_option_has_a_right_default_and_says_when_to_change_it(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(option_table[0].kind, OPTION_HEADING);
	for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
		const struct option_row *row = &option_table[i];
		char room[OPTION_TEXT_BYTES];
		const char *value;

		if (row->kind == OPTION_HEADING)
			continue;
		option_set_initial(row, &config);
		value = option_value(row, &config, room);
		if (value == NULL)
			value = row->example;
		if (value[0] != '\0' && !option_set(row, &config, value))
			fail_msg("--%s: its default \"%s\" is refused", row->name, value);
		if (strlen(row->name) > 32 || strchr(row->text, '\n') == NULL ||
		    strlen(row->text) < 60 || strlen(row->text) > 1000)
			fail_msg("--%s: its text is no line and a paragraph", row->name);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)
	const struct CMUnitTest tests[] = {
	    TEST(defaults_hold_when_nothing_is_said),
	    TEST(a_flag_wins_over_the_environment_that_over_the_file_that_over_the_default),
	    TEST(the_flag_names_the_file_before_the_environment_does),
	    TEST(an_empty_variable_is_as_good_as_none_and_a_strange_one_is_ignored),
	    TEST(the_last_of_two_flags_counts),
	    TEST(help_is_asked_for_anywhere),
	    TEST(a_number_is_digits_in_its_range),
	    TEST(a_choice_is_one_of_its_words_and_known_by_its_place),
	    TEST(an_address_is_a_number_and_a_port),
	    TEST(a_flag_that_is_off_or_on_may_go_without_a_value),
	    TEST(plain_http_is_for_this_machine_unless_it_is_said),
	    TEST(certificate_and_key_go_together_and_with_no_other),
	    TEST(a_path_has_480_bytes_at_most),
	    TEST(a_bad_flag_is_named_with_what_would_be_right),
	    TEST(a_name_that_is_nearly_right_is_named),
	    TEST(a_bad_line_is_named_by_file_and_number),
	    TEST(a_file_that_cannot_be_read_is_refused),
	    TEST(a_file_has_256_kib_at_most),
	    TEST(all_problems_are_told_at_once),
	    TEST(a_bad_value_is_told_though_another_wins_over_it),
	    TEST(many_problems_are_counted),
	    TEST(a_long_or_strange_value_is_shown_in_part),
	    TEST(every_option_has_a_right_default_and_says_when_to_change_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
