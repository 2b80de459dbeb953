/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice serve: puts the house together, and takes it apart in the right order.
 *
 *	up:	own the data directory -> catalog, blobs, journal, lake -> recover -> tables of all
 *		streams -> applier -> workers, ageing -> results of queries -> keys, audit -> HTTP
 *	SIGTERM: requests get 503; running uploads may end; who waits is answered -> HTTP down
 *		-> ageing ends, workers stop (a job that is not at its commit goes back to the
 *		queue) -> the applier takes what is left in the journal to the lake, as long as
 *		there is time -> stores closed -> exit 0
 *
 *	SIGHUP: the certificate is read again
 *
 * A second SIGTERM or SIGINT does not wait for uploads any more, nor for the applier.
 */
#include "serve/serve.h"

#include "api/api.h"
#include "api/oauth.h"
#include "api/platform.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "blob/blob_dir.h"
#include "catalog/catalog_sqlite.h"
#include "catalog/shape.h"
#include "config/config.h"
#include "config/manual.h"
#include "convert/records.h"
#include "emulate/hosted.h"
#include "job/ageing.h"
#include "job/recover.h"
#include "job/tables.h"
#include "journal/journal_dir.h"
#include "lake/lake_duckdb.h"
#include "serve/data_dir.h"
#include "serve/tls.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* The words of --test-controls, in their order. */
enum { TEST_CONTROLS_OFF, TEST_CONTROLS_ON };
/* Those of options that are off or on, and of --instance-url. */
enum { SWITCH_OFF, SWITCH_ON };
enum { INSTANCE_URL_URL, INSTANCE_URL_HOST };

/* Shapes of objects that are kept though nobody uses them at the moment. */
#define SHAPES_MAX 4096

struct house {
	struct config_reading reading; /* lends ${config} its texts */
	struct config config;
	struct data_dir dir;
	struct catalog *catalog;
	struct blob *blob;
	struct journal *journal;
	struct lake *lake;
	struct faults *faults; /* NULL without --test-controls */
	struct shapes *shapes;
	struct rate *streaming_rate; /* NULL without --emulate hosted */
	struct job_watch *watch;
	struct job_service jobs;
	struct tables_service tables;
	struct applier *applier;
	struct early *early;
	struct work *work;
	struct ageing *ageing;
	struct results *results;
	struct keys *keys;
	struct login_limit *login_limit;
	struct audit *audit;
	struct api api;
	struct http_tls *tls; /* NULL: plain HTTP */
	struct http_server *http;
	char address[128];
	int64_t drain_end_us; /* of clock_mono_us(): until then what runs may end */
};

/* --- Up --------------------------------------------------------------------------------------- */

static void wake_workers(void *ctx)
{
	struct house *house = ctx;

	/* Start-up's recovery comes before the workers. */
	if (house->work != NULL)
		work_wake(house->work);
}

static void tell_settled(void *ctx, const struct job *job)
{
	struct house *house = ctx;

	if (house->early != NULL)
		early_forget(house->early, job->id);
	if (house->applier != NULL)
		applier_settled(house->applier, job);
}

static void tell_applier_accepted(void *ctx, const struct stream *stream)
{
	struct house *house = ctx;

	applier_wake(house->applier, stream);
}

static void tell_applier_gone(void *ctx, const char *journal)
{
	struct house *house = ctx;

	if (house->applier != NULL)
		applier_forget(house->applier, journal);
}

static enum status open_stores(struct house *house, struct err *err)
{
	enum status st = data_dir_open(house->config.data, &house->dir, err);

	if (st == OK)
		st = data_dir_own(&house->dir, err);
	if (st == OK)
		st = catalog_sqlite_open(house->dir.catalog, &house->catalog, err);
	if (st == OK)
		st = blob_dir_open(house->dir.blobs, &house->blob, err);
	if (st == OK) {
		const struct journal_dir_options options = {
		    .path = house->dir.journal,
		    .log_bytes_max = house->config.stream_log_mb * 1024 * 1024,
		    .bytes_max = house->config.stream_backlog_mb * 1024 * 1024,
		};

		st = journal_dir_open(&options, &house->journal, err);
	}
	if (st == OK) {
		const struct lake_duckdb_options options = {
		    .path = house->dir.lake,
		    .temp_path = house->dir.temp,
		    .memory_bytes = house->config.lake_memory_mb * 1024 * 1024,
		    .memory_bytes_max = house->config.lake_memory_max_mb * 1024 * 1024,
		    .threads = house->config.lake_threads,
		};

		st = lake_duckdb_open(&options, &house->lake, err);
	}
	return st;
}

/* A crash may have come between a stream's row and its table, or between a connector's end and
 * that of its tables.  That one of them cannot be made is logged and holds up nothing else: a load
 * ensures its own. */
static void settle_tables(struct house *house)
{
	const struct slice all = {0};
	struct err err = {{0}};
	enum status st;

	house->tables = (struct tables_service){.catalog = house->catalog,
	    .lake = house->lake,
	    .journal = house->journal,
	    .forget = tell_applier_gone,
	    .forget_ctx = house};
	st = tables_drop(&house->tables, all, &err);

	if (st == OK)
		st = tables_ensure(house->catalog, house->lake, all, &err);
	if (st != OK)
		log_event(LOG_LEVEL_ERROR, "tables.unsettled", "error=\"%s\"", err.text);
}

static enum status make_record_plan(
    const struct object *object, const struct stream *stream, void **ret_plan, struct err *err)
{
	struct record_plan *plan = NULL;
	enum status st = record_plan_create(object, stream, &plan, err);

	if (st == OK)
		*ret_plan = plan;
	return st;
}

static void destroy_record_plan(void *ctx)
{
	struct record_plan *plan = ctx;

	record_plan_destroy(&plan);
}

static enum status start_streaming(struct house *house, struct err *err)
{
	static const struct shape_plans plans = {make_record_plan, destroy_record_plan};
	enum status st = shapes_create(house->catalog, &plans, SHAPES_MAX, &house->shapes, err);

	if (st == OK && house->config.emulate == EMULATE_HOSTED)
		st = rate_create(
		    HOSTED_STREAMING_MAX, HOSTED_STREAMING_SPAN_US, &house->streaming_rate, err);
	return st;
}

static enum status start_applier(struct house *house, struct err *err)
{
	const struct applier_options options = {
	    .catalog = house->catalog,
	    .shapes = house->shapes,
	    .journal = house->journal,
	    .lake = house->lake,
	    .watch = house->watch,
	    .interval_us = house->config.stream_interval_ms * 1000,
	};

	return applier_start(&options, &house->applier, err);
}

static enum status start_ageing(struct house *house, struct err *err)
{
	const int64_t day_us = INT64_C(86400) * 1000000;
	const struct ageing_options options = {
	    .jobs = &house->jobs,
	    .lake = house->lake,
	    .open_us = house->config.open_days * day_us,
	    .finished_us = house->config.finished_days * day_us,
	    .problem_us = house->config.problem_days * day_us,
	};

	return ageing_start(&options, &house->ageing, err);
}

static enum status start_jobs(struct house *house, struct err *err)
{
	struct work_options options = {
	    .jobs = &house->jobs, .worker_count = (size_t)house->config.workers};
	enum status st = job_watch_create(&house->watch, err);

	house->jobs.catalog = house->catalog;
	house->jobs.blob = house->blob;
	house->jobs.journal = house->journal;
	house->jobs.watch = house->watch;
	house->jobs.closed = wake_workers;
	house->jobs.closed_ctx = house;
	house->jobs.settled = tell_settled;
	house->jobs.settled_ctx = house;
	house->jobs.delay_us = house->config.processing_delay_s * 1000000;
	uuid_make(house->jobs.lease);
	options.lake = house->lake;
	if (st == OK && house->config.test_controls == TEST_CONTROLS_ON)
		st = faults_create(&house->faults, err);
	options.faults = house->faults;
	if (st == OK)
		st = job_recover(&house->jobs, house->lake, err);
	if (st == OK)
		settle_tables(house);
	if (st == OK)
		st = start_applier(house, err);
	if (st == OK)
		st = early_start(&house->jobs, house->lake, &house->early, err);
	options.applier = house->applier;
	options.early = house->early;
	if (st == OK)
		st = work_start(&options, &house->work, err);
	if (st == OK)
		st = start_ageing(house, err);
	return st;
}

static enum status open_results(struct house *house, struct err *err)
{
	const struct results_options options = {
	    .lake = house->lake,
	    .path = house->dir.results,
	    .bytes_max = house->config.query_spool_mb * 1024 * 1024,
	    .rows_max = house->config.query_rows_max,
	    .timeout_ms = house->config.query_timeout_ms,
	};

	return results_open(&options, &house->results, err);
}

/* Who is let in. */
static enum status start_access(struct house *house, struct err *err)
{
	enum status st = keys_open(house->dir.keys, OAUTH_TENANT_US, &house->keys, err);

	if (st == OK)
		st = login_limit_create(&house->login_limit, err);
	if (st == OK)
		st = audit_start(house->catalog, &house->audit, err);
	house->api.oauth = (struct oauth){
	    .catalog = house->catalog,
	    .keys = house->keys,
	    .limit = house->login_limit,
	    .audit = house->audit,
	    .refresh_tokens = house->config.refresh_tokens == SWITCH_ON,
	    .passwords = house->config.password_grant == SWITCH_ON,
	};
	house->api.instance_is_host = house->config.instance_url == INSTANCE_URL_HOST;
	return st;
}

/* A test has moved the clock: what is too old by it goes now, not within a minute. */
static void age_now(void *ctx)
{
	struct house *house = ctx;
	struct ageing_result ignored;

	ageing_run(house->ageing, &ignored);
	results_expire(house->results);
}

static const struct http_error_form error_forms[] = {
    {OAUTH_PREFIX, oauth_write_error},
    {OAUTH_EXCHANGE_PREFIX, oauth_write_error},
    {PLATFORM_PREFIX, platform_write_error},
};

/* The address as clients write it. */
static void write_address(struct house *house, const char *host)
{
	snprintf(house->address, sizeof(house->address),
	    strchr(host, ':') ? "%s://[%s]:%u" : "%s://%s:%u",
	    house->tls != NULL ? "https" : "http", host, http_server_port(house->http));
}

static enum status start_http(struct house *house, struct err *err)
{
	char host[CONFIG_HOST_BYTES];
	struct http_options options = {
	    .address = host,
	    .authorize = api_authorize,
	    .intercept = house->faults != NULL ? api_intercept : NULL,
	    .context = &house->api,
	    .event_threads = (unsigned)house->config.event_threads,
	    .work_threads = (unsigned)house->config.work_threads,
	    .query_threads = (unsigned)house->config.query_threads,
	    .connections_max = (unsigned)house->config.connections_max,
	    .idle_timeout_s = (unsigned)house->config.idle_timeout_s,
	};
	bool split = config_split_address(house->config.listen, host, &options.port);
	enum status st;

	/* config_read() has checked it. */
	assert(split);
	house->api.catalog = house->catalog;
	house->api.blob = house->blob;
	house->api.lake = house->lake;
	house->api.results = house->results;
	house->api.jobs = &house->jobs;
	house->api.work = house->work;
	house->api.early = house->early;
	house->api.quota = house->config.emulate == EMULATE_HOSTED ? &hosted_quota : NULL;
	house->api.streaming_rate = house->streaming_rate;
	house->api.shapes = house->shapes;
	house->api.journal = house->journal;
	house->api.applier = house->applier;
	house->api.accepted = tell_applier_accepted;
	house->api.accepted_ctx = house;
	house->api.tables = &house->tables;
	house->api.faults = house->faults;
	house->api.clock_moved = age_now;
	house->api.clock_moved_ctx = house;
	house->api.query_timeout_ms = house->config.query_timeout_ms;
	atomic_store(&house->api.ready, true);
	options.routes = api_routes(&options.route_count);
	options.error_forms = error_forms;
	options.error_form_count = sizeof(error_forms) / sizeof(error_forms[0]);
	api_name_metrics();
	options.tls = house->tls;
	st = http_server_start(&options, &house->http, err);
	if (st == OK)
		write_address(house, host);
	return st;
}

/* Whoever started us may wait for this line. */
static void announce(const struct house *house)
{
	printf("sluice listens on %s\n", house->address);
	serve_tls_announce(&house->config, &house->dir);
	fflush(stdout);
	if (house->config.ready_fd >= 0)
		dprintf((int)house->config.ready_fd, "%s\n", house->address);
	log_event(LOG_LEVEL_INFO, "server.ready", "address=%s data=\"%s\"", house->address,
	    house->config.data);
}

/* --- Down ------------------------------------------------------------------------------------- */

/* Let what runs come to its end, until it has, or its time is up, or a second signal comes. */
static void drain(struct house *house, const sigset_t *signals)
{
	const struct timespec no_time = {0};
	house->drain_end_us = clock_mono_us() + house->config.drain_s * 1000000;

	log_event(LOG_LEVEL_INFO, "server.draining", "seconds=%" PRId64, house->config.drain_s);
	atomic_store(&house->api.ready, false);
	while (clock_mono_us() < house->drain_end_us) {
		if (sigtimedwait(signals, NULL, &no_time) >= 0) {
			house->drain_end_us = 0;
			return;
		}
		/* Again in each round: a read that waits may have come in
		 * just before the drain began. */
		job_watch_wake_all(house->watch);
		if (http_server_drain(house->http, clock_mono_us() + 100000))
			return;
	}
}

static void take_apart(struct house *house)
{
	if (house->watch != NULL)
		job_watch_wake_all(house->watch);
	http_server_stop(&house->http);
	http_tls_close(&house->tls);
	results_close(&house->results);
	ageing_stop(&house->ageing);
	work_stop(&house->work);
	early_stop(&house->early);
	applier_stop(&house->applier, house->drain_end_us);
	audit_stop(&house->audit);
	login_limit_destroy(&house->login_limit);
	keys_close(&house->keys);
	faults_destroy(&house->faults);
	rate_destroy(&house->streaming_rate);
	shapes_destroy(&house->shapes);
	job_watch_destroy(&house->watch);
	lake_close(&house->lake);
	journal_close(&house->journal);
	blob_close(&house->blob);
	catalog_close(&house->catalog);
	data_dir_close(&house->dir);
}

/* --- The command ------------------------------------------------------------------------------ */

static void usage(FILE *out)
{
	fputs("usage: sluice serve --data DIR [OPTION …]\n"
	      "\n"
	      "Takes records over HTTP and lands them in the lake below DIR.  A flag wins over the "
	      "environment,\n"
	      "which wins over the config file.  docs/configuration.md tells more of each option; "
	      "sluice config\n"
	      "check tells what comes out.\n"
	      "\n",
	    out);
	manual_print_help(out);
	fputs("\nexample:\n  sluice serve --data ./data --listen 127.0.0.1:8080\n", out);
}

/* A connection that uploads has a socket, a folder and a file open; the usual soft limit of 1,024
 * is too few for --connections.  What the system does not allow stays as it is. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_event(LOG_LEVEL_WARN, "server.file_limit_low", "error=\"%s\"", strerror(errno));
}

static int run(struct house *house, struct err *err)
{
	sigset_t signals, waited_for;
	int signal_number;
	enum status st;

	/* Threads inherit the mask, so that the signals come here and nowhere else. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	waited_for = signals;
	sigaddset(&waited_for, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &waited_for, NULL);
	signal(SIGPIPE, SIG_IGN);
	raise_file_limit();

	st = open_stores(house, err);
	if (st == OK)
		st = start_streaming(house, err);
	if (st == OK)
		st = start_jobs(house, err);
	if (st == OK)
		st = open_results(house, err);
	if (st == OK)
		st = start_access(house, err);
	if (st == OK)
		st = serve_tls_open(&house->config, &house->dir, &house->tls, err);
	if (st == OK)
		st = start_http(house, err);
	if (st != OK) {
		take_apart(house);
		fprintf(stderr, "sluice: %s\n", err->text);
		return 1;
	}
	announce(house);
	while (sigwait(&waited_for, &signal_number) == 0 && signal_number == SIGHUP)
		serve_tls_reload(&house->config, &house->dir, house->tls);
	drain(house, &signals);
	take_apart(house);
	log_event(LOG_LEVEL_INFO, "server.stopped", "%s", "");
	return 0;
}

int serve_main(int argc, char **argv)
{
	struct house *house = calloc(1, sizeof(*house));
	struct err err = {{0}};
	int result = 1;

	if (house == NULL)
		return 1;
	house->dir.lock_fd = -1;
	mutex_init(&house->api.tables_mutex);
	if (config_read(&house->reading, argc - 1, argv + 1)) {
		house->config = house->reading.values;
		log_set_level((enum log_level)house->config.log_level);
		result = run(house, &err);
	} else if (house->reading.help_asked) {
		usage(stdout);
		result = 0;
	} else {
		manual_print_problems(&house->reading, stderr);
	}
	config_reading_fini(&house->reading);
	mutex_fini(&house->api.tables_mutex);
	free(house);
	return result;
}
