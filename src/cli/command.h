/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CLI_COMMAND_H
#define SLUICE_CLI_COMMAND_H

/*
 * What a row of the command table in cli.c and the function behind it share.
 *
 * A command gets its arguments and options checked and counted, and a client that is
 * ready.  It prints its result to standard output and returns OK, or it returns a
 * failure, whose text cli.c prints.
 */

#include "base/json.h"
#include "base/status.h"
#include "cli/client.h"

#include <stddef.h>
#include <stdint.h>

/* Every option there is; a command takes those in its mask. */
enum option_id {
	OPT_URL,
	OPT_TOKEN_FILE,
	OPT_CA_FILE,
	OPT_HELP,
	OPT_JSON,
	OPT_CSV,
	OPT_PRIMARY_KEY,
	OPT_CATEGORY,
	OPT_RECORD_MODIFIED_FIELD,
	OPT_EVENT_TIME_FIELD,
	OPT_REFRESH_MODE,
	OPT_DELETE,
	OPT_DRY_RUN,
	OPT_PART_SIZE,
	OPT_WAIT,
	OPT_STATE,
	OPT_OBJECT,
	OPT_SOURCE,
	OPT_LIMIT,
	OPT_OFFSET,
	OPT_FROM,
	OPT_KEEP_GOING,
	OPT_BATCH_RECORDS,
	OPT_LINGER_MS,
	OPT_RETRY_SECONDS,
	OPTION_COUNT,
};

/* What a command's exit status says beside done (0) and wrong usage or an error (1); interrupt.h
 * has the one of Ctrl-C. */
enum { EXIT_JOB_FAILED = 2, EXIT_RECORDS_FAILED = 3 };

struct invocation {
	struct client *client;
	const char *const *args; /* none of them is "" */
	size_t arg_count;
	const char *options[OPTION_COUNT]; /* NULL: not given; "" for one without a value */
	int exit_status;                   /* a command may set it; a failure makes 1 of 0 */
};

/* Any status but OK is a failure that ${err} tells a person of. */
typedef enum status command_fn(struct invocation *in, struct err *err);

command_fn command_connector_put, command_connector_list, command_connector_show;
command_fn command_stream_put, command_stream_show;
command_fn command_stream_send, command_stream_delete;
command_fn command_load;
command_fn command_jobs_list, command_jobs_show, command_jobs_close, command_jobs_abort;
command_fn command_jobs_delete, command_jobs_failed;
command_fn command_query;

/* GET ${path}.  With --json the answer is printed as it came and ${ret_answer} becomes NULL; else
 * the caller frees it with json_decref. */
enum status command_get(
    struct invocation *in, const char *path, json_t **ret_answer, struct err *err) WARN_UNUSED;

/* The whole of a file of text, or of standard input for "-", into
 * ${text}; its limit is the limit. */
enum status command_read_text(const char *name, struct buffer *text, struct err *err) WARN_UNUSED;

#endif
