/* SPDX-License-Identifier: Apache-2.0 */
/* Options: defaults, environment, flags, and what is said of a bad one. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static enum status read_args(struct config *config, struct err *err, const char *const *args)
{
	char *argv[8];
	int argc = 0;

	for (; args[argc] != NULL; argc++)
		argv[argc] = strdup(args[argc]);
	enum status st = config_read(config, argc, argv, err);
	/* Texts are borrowed, so the copies of a good reading stay: a few bytes, until the test ends. */
	for (int i = 0; st != OK && i < argc; i++)
		free(argv[i]);
	return st;
}

static void defaults_hold_when_nothing_is_said(void **state)
{
	struct config config;
	struct err err;
	char *argv[] = {(char[]){"--data"}, (char[]){"d"}};

	(void)state;
	assert_int_equal(config_read(&config, 2, argv, &err), OK);
	assert_string_equal(config.data, "d");
	assert_string_equal(config.listen, "127.0.0.1:8080");
	assert_int_equal(config.workers, 2);
	assert_int_equal(config.ready_fd, -1);
	assert_int_equal(config.query_timeout_ms, 30000);
	assert_int_equal(config.log_level, 2);
}

static void a_flag_wins_over_the_environment_and_that_over_the_default(void **state)
{
	struct config config;
	struct err err;
	char *flags[] = {(char[]){"--data=d"}, (char[]){"--workers"}, (char[]){"7"}};

	(void)state;
	setenv("SLUICE_WORKERS", "5", 1);
	setenv("SLUICE_QUERY_ROWS", "11", 1);
	assert_int_equal(config_read(&config, 3, flags, &err), OK);
	assert_int_equal(config.workers, 7);
	assert_int_equal(config.query_rows_max, 11);
	assert_int_equal(config_read(&config, 1, flags, &err), OK);
	assert_int_equal(config.workers, 5);
	unsetenv("SLUICE_WORKERS");
	unsetenv("SLUICE_QUERY_ROWS");
}

static void a_bad_option_is_named_with_what_would_be_right(void **state)
{
	static const struct {
		const char *args[4];
		const char *text;
	} cases[] = {
	    {{NULL}, "--data DIR must be given: the data directory; made when it is not there"},
	    {{"--data", "", NULL},
		"--data DIR must be given: the data directory; made when it is not there"},
	    {{"--workers", "0", NULL}, "--workers is \"0\"; it must be a number from 1 to 64"},
	    {{"--workers", "65", NULL}, "--workers is \"65\"; it must be a number from 1 to 64"},
	    {{"--workers", "2x", NULL}, "--workers is \"2x\"; it must be a number from 1 to 64"},
	    {{"--workers", "", NULL}, "--workers is \"\"; it must be a number from 1 to 64"},
	    {{"--workers=99999999999999999999", NULL},
		"--workers is \"99999999999999999999\"; it must be a number from 1 to 64"},
	    {{"--workers", NULL}, "--workers needs a value: --workers N"},
	    {{"--worker", "2", NULL}, "there is no option --worker; see sluice serve --help"},
	    {{"workers", NULL}, "\"workers\" is not an option; see sluice serve --help"},
	    {{"--log-level", "loud", NULL},
		"--log-level is \"loud\"; it must be one of error|warn|info|debug"},
	    {{"--log-level", "inf", NULL},
		"--log-level is \"inf\"; it must be one of error|warn|info|debug"},
	    {{"--log-level", "info|debug", NULL},
		"--log-level is \"info|debug\"; it must be one of error|warn|info|debug"},
	    {{"--log-level", "", NULL},
		"--log-level is \"\"; it must be one of error|warn|info|debug"},
	    {{"-", NULL}, "\"-\" is not an option; see sluice serve --help"},
	};

	(void)state;
	unsetenv("SLUICE_DATA");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config config;
		struct err err = {{0}};

		assert_int_equal(read_args(&config, &err, cases[i].args), E_INVALID);
		assert_string_equal(err.text, cases[i].text);
	}
}

static void both_ends_of_a_range_are_taken(void **state)
{
	struct config config;
	struct err err;
	char *low[] = {(char[]){"--data=d"}, (char[]){"--workers=1"}};
	char *high[] = {(char[]){"--data=d"}, (char[]){"--workers=64"}};

	(void)state;
	assert_int_equal(config_read(&config, 2, low, &err), OK);
	assert_int_equal(config.workers, 1);
	assert_int_equal(config_read(&config, 2, high, &err), OK);
	assert_int_equal(config.workers, 64);
}

static void a_choice_is_known_by_its_place(void **state)
{
	static const char *const words[] = {"error", "warn", "info", "debug"};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct config config;
		struct err err;
		char *args[] = {(char[]){"--data=d"}, (char[]){"--log-level"}, (char *)words[i]};

		assert_int_equal(config_read(&config, 3, args, &err), OK);
		assert_int_equal(config.log_level, i);
	}
}

static void help_is_asked_for_anywhere(void **state)
{
	static const char *const args[] = {"--data", "d", "--help", NULL};
	struct config config;
	struct err err;

	(void)state;
	assert_int_equal(read_args(&config, &err, args), E_CANCELLED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_hold_when_nothing_is_said),
	    cmocka_unit_test(a_flag_wins_over_the_environment_and_that_over_the_default),
	    cmocka_unit_test(a_bad_option_is_named_with_what_would_be_right),
	    cmocka_unit_test(both_ends_of_a_range_are_taken),
	    cmocka_unit_test(a_choice_is_known_by_its_place),
	    cmocka_unit_test(help_is_asked_for_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
