// SPDX-License-Identifier: Apache-2.0
// How to break a job: its states, its form on the wire, waiting, and what a crash leaves.  Each entry makes the named test fail
// (script/prove-tests).
const raw = String.raw;
const cells = 'scenario/03-job: every state answers every request as the table says';
const aborted = raw`    {JOB_ABORTED, JOB_EVENT_ABORT, JOB_ABORTED},
`;
const deletable = raw`deletable = STATE_BIT(JOB_UPLOAD_COMPLETE) | FINAL_STATES;`;

export default [
	// --- The table of states, cell by cell ------------------------------------------------------------------------------
	{ test: cells, file: 'src/api/upload.c', from: raw`	    request, 409, "job %s is %s, so it takes no more data."`, to: raw`	    request, 400, "job %s is %s, so it takes no more data."` },
	{ test: cells, file: 'src/job/job.c', from: raw`    {JOB_UPLOAD_COMPLETE, JOB_EVENT_CLOSE, JOB_UPLOAD_COMPLETE},
`, to: '' },
	{ test: cells, file: 'src/job/job.c', from: raw`    {JOB_IN_PROGRESS, JOB_EVENT_CLOSE, JOB_IN_PROGRESS},
`, to: '' },
	{ test: cells, file: 'src/job/job.c', from: raw`    {JOB_COMPLETE, JOB_EVENT_CLOSE, JOB_COMPLETE},
`, to: '' },
	{ test: cells, file: 'src/job/job.c', from: raw`    {JOB_FAILED, JOB_EVENT_CLOSE, JOB_FAILED},
`, to: '' },
	{ test: cells, file: 'src/job/job.c', from: raw`    {JOB_UPLOAD_COMPLETE, JOB_EVENT_ABORT, JOB_ABORTED},
`, to: '' },
	{ test: cells, file: 'src/job/job.c', from: aborted, to: '' },
	{ test: cells, file: 'src/job/job.c', from: aborted, to: raw`${aborted}    {JOB_ABORTED, JOB_EVENT_CLOSE, JOB_ABORTED},
` },
	{ test: cells, file: 'src/job/job.c', from: aborted, to: raw`${aborted}    {JOB_IN_PROGRESS, JOB_EVENT_ABORT, JOB_IN_PROGRESS},
` },
	{ test: cells, file: 'src/job/job.c', from: aborted, to: raw`${aborted}    {JOB_COMPLETE, JOB_EVENT_ABORT, JOB_COMPLETE},
` },
	{ test: cells, file: 'src/job/job.c', from: aborted, to: raw`${aborted}    {JOB_FAILED, JOB_EVENT_ABORT, JOB_FAILED},
` },
	{ test: cells, file: 'src/job/job.c', from: deletable, to: raw`deletable = FINAL_STATES;` },
	{ test: cells, file: 'src/job/job.c', from: deletable, to: raw`deletable = STATE_BIT(JOB_OPEN) | STATE_BIT(JOB_UPLOAD_COMPLETE) | FINAL_STATES;` },
	{ test: cells, file: 'src/job/job.c', from: deletable, to: raw`deletable = STATE_BIT(JOB_IN_PROGRESS) | STATE_BIT(JOB_UPLOAD_COMPLETE) | FINAL_STATES;` },
	{ test: cells, file: 'src/job/job.c', from: deletable, to: raw`deletable = STATE_BIT(JOB_UPLOAD_COMPLETE) | (FINAL_STATES & ~STATE_BIT(JOB_COMPLETE));` },
	{ test: cells, file: 'src/job/job.c', from: deletable, to: raw`deletable = STATE_BIT(JOB_UPLOAD_COMPLETE) | (FINAL_STATES & ~STATE_BIT(JOB_FAILED));` },
	{ test: cells, file: 'src/job/job.c', from: deletable, to: raw`deletable = STATE_BIT(JOB_UPLOAD_COMPLETE) | (FINAL_STATES & ~STATE_BIT(JOB_ABORTED));` },
	{ test: cells, file: 'src/job/job.c', from: raw`	st = blob_remove(service->blob, job.id, "", err);`, to: raw`	st = OK;` },
	{ test: cells, file: 'src/job/job.c', from: raw`	st = blob_remove(service->blob, group, "", err);`, to: raw`	st = OK;` },
	{ test: cells, file: 'src/http/respond.c', from: raw`"The request conflicts with current state of the target resource: "`, to: raw`"Conflict: "` },
	{ test: cells, file: 'src/api/render.c', from: raw`job->state == JOB_OPEN ? url : NULL`, to: raw`url` },

	// --- Create and change ----------------------------------------------------------------------------------------------
	{ test: 'scenario/03-job: creating says what is wrong', file: 'src/catalog/catalog.c', from: raw`	if (slice_is(text, "upsert"))`, to: raw`	if (slice_is(text, "upsert") || slice_is(text, "insert"))` },
	{ test: 'scenario/03-job: creating says what is wrong', file: 'src/catalog/catalog_sqlite_sql.def', from: raw`SQL(STREAM_GET, "SELECT " STREAM_COLUMNS " FROM streams WHERE connector = ?1 AND object = ?2")`, to: raw`SQL(STREAM_GET, "SELECT " STREAM_COLUMNS " FROM streams WHERE connector = ?1 AND object = ?2 COLLATE NOCASE")` },
	{ test: 'scenario/03-job: creating says what is wrong', file: 'src/api/render.c', from: raw`		respond_error(
		    request, 404, "there is no connector`, to: raw`		respond_error(
		    request, 400, "there is no connector` },
	{ test: 'scenario/03-job: creating says what is wrong', file: 'src/api/render.c', from: raw`		respond_error(request, 404,
		    "connector \"%.*s\" has no object`, to: raw`		respond_error(request, 409,
		    "connector \"%.*s\" has no object` },
	{ test: 'scenario/03-job: closing or aborting with another word is refused', file: 'src/api/jobs.c', from: raw`	if (!close && !slice_is(wanted, "Aborted")) {`, to: raw`	if (!close && !slice_is_nocase(wanted, "aborted") && wanted.len > 0) {` },
	{ test: 'scenario/03-job: closing or aborting with another word is refused', file: 'src/api/jobs.c', from: raw`	bool close = slice_is(wanted, "UploadComplete");`, to: raw`	bool close = slice_is_nocase(wanted, "uploadcomplete");` },
	{ test: 'scenario/03-job: 64 racing requests close and abort one job: one winner, and all answers agree', file: 'src/catalog/catalog_sqlite_job.c', from: raw`	if ((m->move->from & 1u << m->job.state) == 0)`, to: raw`	if (m->move->lease != NULL && (m->move->from & 1u << m->job.state) == 0)` },
	{ test: 'conformance/catalog_race_test: of_64_racing_moves_exactly_one_wins', file: 'src/catalog/catalog_sqlite_job.c', from: raw`	if ((m->move->from & 1u << m->job.state) == 0)`, to: raw`	if (m->move->lease != NULL && (m->move->from & 1u << m->job.state) == 0)` },

	// --- On the wire ----------------------------------------------------------------------------------------------------
	{ test: 'scenario/03-job: a job has every member from its creation on', file: 'src/base/uuid.c', from: raw`(b[6] & 0x0f) | 0x40`, to: raw`(b[6] & 0x0f) | 0x10` },
	{ test: 'scenario/03-job: a job has every member from its creation on', file: 'src/api/render.c', from: raw`	json_write_text(w, "v1");`, to: raw`	json_write_int(w, 1);` },
	{ test: 'scenario/03-job: a job has every member from its creation on', file: 'src/api/render.c', from: raw`	json_write_text(w, "CSV");`, to: raw`	json_write_text(w, "csv");` },
	{ test: 'scenario/03-job: a job has every member from its creation on', file: 'src/api/jobs.c', from: raw`api_respond_job(request, 201, &job)`, to: raw`api_respond_job(request, 200, &job)` },
	{ test: 'scenario/03-job: a job has every member from its creation on', file: 'src/catalog/catalog_sqlite_sql.def', from: raw`#define TOKEN_USER_ID "printf('005%012dAAA', no)"`, to: raw`#define TOKEN_USER_ID "printf('005%015d', no)"` },
	{ test: 'scenario/25-life: systemModstamp moves with every change of state, and createdDate never', file: 'src/catalog/catalog_sqlite_job.c', from: raw`now_us > job->modified_us ? now_us : job->modified_us + 1`, to: raw`now_us > job->modified_us + 3600 * INT64_C(1000000) ? now_us : job->modified_us + 1` },
	{ test: 'scenario/25-life: systemModstamp moves with every change of state, and createdDate never', file: 'src/api/render.c', from: raw`clock_format_us(created, job->created_us)`, to: raw`clock_format_us(created, job->modified_us)` },
	{ test: 'scenario/25-life: the time of processing is told in whole seconds and in milliseconds, from the claim to the end', file: 'src/api/render.c', from: raw`job->processing_ms / 1000`, to: raw`(job->processing_ms + 999) / 1000` },
	{ test: 'scenario/25-life: the time of processing is told in whole seconds and in milliseconds, from the claim to the end', file: 'src/work/worker.c', from: raw`	settle(worker, job, &verdict, begun_us);`, to: raw`	begun_us = clock_mono_us();
	settle(worker, job, &verdict, begun_us);` },
	{ test: 'scenario/25-life: progress is 0 when a job is claimed, moves while it is read, and is 1 at its end', file: 'src/work/load.c', from: raw`PROGRESS_READ * part`, to: raw`0.0 * part` },
	{ test: 'scenario/25-life: progress is 0 when a job is claimed, moves while it is read, and is 1 at its end', file: 'src/api/render.c', from: raw`double progress = job_state_is_final(job->state) ? 1 : 0;`, to: raw`double progress = 0;` },
	{ test: 'scenario/25-life: errorMessage is null unless the job is Failed, and then says why', file: 'src/api/render.c', from: raw`job->error[0] != '\0' ? job->error : NULL`, to: raw`job->error` },
	{ test: 'scenario/25-life: numberRecordsProcessed counts every record that was read, the failed ones included', file: 'src/work/load.c', from: raw`		load->counts.records_failed++;`, to: raw`		load->counts.records_processed--;
		load->counts.records_failed++;` },

	// --- Waiting --------------------------------------------------------------------------------------------------------
	{ test: 'scenario/03-job: waiting answers at the end of the job, or at the end of the wait', file: 'src/api/render.c', from: raw`#define WAIT_SECONDS_MAX 60`, to: raw`#define WAIT_SECONDS_MAX 61` },
	{ test: 'scenario/03-job: waiting answers at the end of the job, or at the end of the wait', file: 'src/api/jobs.c', from: raw`clock_mono_us() + seconds * 1000000`, to: raw`clock_mono_us() + seconds * 1000` },
	{ test: 'scenario/03-job: waiting answers at the end of the job, or at the end of the wait', file: 'src/job/watch.c', from: raw`strcmp(waiter->key, reached->key) == 0;`, to: raw`strcmp(waiter->key, reached->key) == 1;` },
	{ test: 'scenario/03-job: a job that is aborted or removed ends the waits for it at once', file: 'src/job/job.c', from: raw`	job_watch_wake(service->watch, ret_job->id);
`, to: '' },

	// --- Crashes --------------------------------------------------------------------------------------------------------
	{ test: 'crash/points: close.moved: the job is closed, comes to its end by itself, and may be closed again', file: 'src/job/job.c', from: raw`    {JOB_COMPLETE, JOB_EVENT_CLOSE, JOB_COMPLETE},
`, to: '' },
	{ test: 'crash/points: abort.moved: an open job is aborted, and its data is gone', file: 'src/job/job.c', from: raw`	if (job == NULL || job->state == JOB_ABORTED)
		return blob_remove(service->blob, id, "", err);`, to: raw`	if (job == NULL)
		return blob_remove(service->blob, id, "", err);
	if (job->state == JOB_ABORTED)
		return OK;` },
	{ test: 'crash/points: delete.marked: a finished job is gone with its failed records, and its rows stay', file: 'src/job/recover.c', from: raw`	if (!job->deleted)
		return OK;`, to: raw`	if (job->deleted)
		return OK;` },
	{ test: 'crash/points: upload.accepted:2: a part counts as a whole or not at all, and what was acknowledged before stays', file: 'src/job/recover.c', from: raw`		if (strcmp(names->parts[i].blob_name, name) == 0)`, to: raw`		if (job_state_is_final(JOB_OPEN) && strcmp(names->parts[i].blob_name, name) == 0)` },
	{ test: 'crash/points: load.claimed: the job is applied once, and those behind it follow in their order', file: 'src/job/recover.c', from: raw`		move.to = JOB_UPLOAD_COMPLETE;
		move.add_retry = true;`, to: raw`		move.to = JOB_UPLOAD_COMPLETE;
		move.enqueue = true;
		move.add_retry = true;` },
	{ test: 'crash/points: load.staged: the job is applied once, and those behind it follow in their order', file: 'src/job/recover.c', from: raw`		move.add_retry = true;
		r->requeued++;`, to: raw`		r->requeued++;` },
	{ test: 'crash/points: load.applied: the job is applied once, and those behind it follow in their order', file: 'src/job/recover.c', from: raw`		move.records_processed = mark.records_processed;
`, to: '' },
	{ test: 'crash/points: load.completed: the job is applied once, and those behind it follow in their order', file: 'src/job/recover.c', from: raw`	if (st == E_NOT_FOUND || job_state_is_final(job.state)) {`, to: raw`	if (st == E_NOT_FOUND || job.state == JOB_ABORTED) {` },
	{ test: 'crash/kill: a server that is killed 100 times loses nothing and applies nothing twice', file: 'src/job/recover.c', from: raw`		if (strcmp(names->parts[i].blob_name, name) == 0)`, to: raw`		if (i % 2 == 0 && strcmp(names->parts[i].blob_name, name) == 0)` },
	{ test: 'crash/kill: a server that is killed 100 times loses nothing and applies nothing twice', file: 'src/job/recover.c', from: raw`	enum status st = lake_mark_get(r->lake, job->id, &mark, err);

	if (st == OK) {`, to: raw`	enum status st = lake_mark_get(r->lake, job->id, &mark, err);

	if (st == E_NOT_FOUND)
		st = OK;
	if (st == OK) {` },
];
