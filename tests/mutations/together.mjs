// SPDX-License-Identifier: Apache-2.0
// How to break loading several jobs together: each entry makes the named test fail (script/prove-tests).
const raw = String.raw;
const load = 'src/work/load.c', catalog = 'src/catalog/catalog_sqlite_job.c', lake = 'src/lake/lake_duckdb_load.c', worker = 'src/work/worker.c', job = 'src/job/job.c';
const story = (title) => `scenario/50-together: ${title}`, claims = (name) => `conformance/catalog_job_test: ${name}`;
const waiting = story('jobs that wait are loaded together, each with its counts, and the last one wins');
const unreadable = story('an unreadable job among them fails alone');
const marks = 'conformance/lake_test: several_jobs_are_applied_together_or_not_at_all';
const together = claims('small_jobs_of_an_object_are_claimed_together'), moves = claims('several_moves_are_made_together_or_not_at_all');
const asan = true;	// the scenario holds the server at a point that only a test build has

export default [
	{ test: waiting, asan, file: worker, from: raw`size_t jobs_max = worker->work->faults == NULL ? CATALOG_CLAIM_MAX : 1, count;`, to: raw`size_t jobs_max = 1, count;` },
	{ test: waiting, asan, file: load, from: raw`	load->counts = (struct lake_mark){0};
	load->bytes_read = 0;`, to: raw`	load->bytes_read = 0;` },
	{ test: waiting, asan, file: load, from: raw`	load->job = *job;
	load->counts = (struct lake_mark){0};`, to: raw`	load->counts = (struct lake_mark){0};` },
	{ test: waiting, asan, file: 'src/work/rejects.c', from: raw`	    .job_id = rejects->job_id,`, to: raw`	    .job_id = "j",` },
	{ test: waiting, asan, file: job, from: raw`.records_failed = results[i].records_failed,
			.processing_ms`, to: raw`.records_failed = results[0].records_failed,
			.processing_ms` },
	{ test: unreadable, asan, file: worker, from: raw`		return false;
	}
	for (size_t i = 0; i < count; i++)
		results[i]`, to: raw`		for (size_t i = 0; i < count; i++)
			(void)job_fail(work->jobs, worker->jobs[i].id, &results[i], err.text, &err);
		return true;
	}
	for (size_t i = 0; i < count; i++)
		results[i]` },
	{ test: story('an upsert and a delete are not loaded together, nor one that only validates'), asan, file: catalog, from: raw`	return job->operation == first->operation && job`, to: raw`	return job` },
	{ test: story('what was streamed between two closes comes between the jobs'), asan, file: catalog, from: raw` && job->journal_end == first->journal_end`, to: '' },
	{ test: story('more than four megabytes are not loaded together'), asan, file: 'src/job/job.h', from: raw`#define JOB_TOGETHER_BYTES_MAX (INT64_C(4) *`, to: raw`#define JOB_TOGETHER_BYTES_MAX (INT64_C(40) *` },

	{ test: together, file: catalog, from: raw`bytes + job->part_bytes <= claim->asked->bytes_max`, to: raw`bytes + job->part_bytes < claim->asked->bytes_max` },
	{ test: together, file: catalog, from: raw`	int64_t bytes = claim->jobs[0].part_bytes;`, to: raw`	int64_t bytes = 0;` },
	{ test: together, file: catalog, from: raw`		bytes += job->part_bytes;
`, to: '' },
	{ test: together, file: catalog, from: raw`	while (goes_on && claim->count <`, to: raw`	while (claim->count <` },
	{ test: together, file: catalog, from: raw`	       !job->validate_only && !first->validate_only &&`, to: raw`	       !job->validate_only &&` },
	{ test: together, file: catalog, from: raw`	       !job->validate_only && !first->validate_only &&`, to: raw`	       !first->validate_only &&` },
	{ test: together, file: 'src/catalog/catalog_sqlite_sql.def', from: raw`WHERE jobs.stream = (SELECT stream FROM jobs WHERE no = ?1)"`, to: raw`WHERE ?1 = ?1"` },
	{ test: claims('a_job_whose_delay_is_not_over_does_not_go_along'), file: catalog, from: raw` &&
	       !must_wait(claim, job, clock_now_us());`, to: ';' },
	{ test: moves, file: catalog, from: raw`		moves->jobs[i] = one.job;`, to: raw`		moves->jobs[i] = one.job;
		status = OK;` },
	{ test: marks, file: lake, from: raw`		buffer_put_text(&load->sql, i == 0 ? "?" : ", ?");
		ids[i] = jobs[i].job_id;`, to: raw`		buffer_put_text(&load->sql, i == 0 ? "?" : ", ?");
		ids[i] = jobs[0].job_id;` },
	{ test: marks, file: lake, from: raw`jobs[i].mark.records_processed, jobs[i].mark.records_failed);`, to: raw`jobs[i].mark.records_processed, jobs[0].mark.records_failed);` },
];
