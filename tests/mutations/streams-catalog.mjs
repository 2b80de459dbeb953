// SPDX-License-Identifier: Apache-2.0
// How to break what the catalog keeps for streaming: each entry makes the named test fail (script/prove-tests).
export default [
  {
    test: 'conformance/catalog_test: a_stream_has_a_journal_of_its_own_for_ever',
    file: 'src/catalog/catalog_sqlite_sql.def',
    from: String.raw`event_time_field = ?7 WHERE connector = ?1`,
    to: String.raw`event_time_field = ?7, journal = lower(hex(randomblob(16))) WHERE connector = ?1`,
  },
  {
    test: 'conformance/catalog_test: a_stream_has_a_journal_of_its_own_for_ever',
    file: 'src/catalog/catalog_sqlite_sql.def',
    from: String.raw`lower(connector || '_' || object), journal FROM`,
    to: String.raw`lower(connector || '_' || object), '' FROM`,
  },
  {
    test: 'conformance/catalog_job_test: a_job_keeps_where_its_journal_ended_when_it_was_closed',
    file: 'src/catalog/catalog_sqlite_job.c',
    from: String.raw`	if (!move->enqueue)
		return OK;`,
    to: String.raw`	job->journal_end = move->journal_end;
	if (!move->enqueue)
		return OK;`,
  },
  {
    test: 'conformance/catalog_job_test: the_first_closed_job_is_the_oldest_that_is_not_settled',
    file: 'src/catalog/catalog_sqlite_sql.def',
    from: String.raw`AND jobs.deleted = 0 AND jobs.validate_only = 0 AND jobs.state IN (?3, ?4) ORDER BY`,
    to: String.raw`AND jobs.validate_only = 0 AND jobs.state IN (?3, ?4) ORDER BY`,
  },
  {
    test: 'conformance/catalog_job_test: the_first_closed_job_is_the_oldest_that_is_not_settled',
    file: 'src/catalog/catalog_sqlite_sql.def',
    from: String.raw`AND jobs.state IN (?3, ?4) ORDER BY jobs.queue_no, jobs.no LIMIT 1`,
    to: String.raw`AND jobs.state IN (?3, ?4) ORDER BY jobs.queue_no DESC LIMIT 1`,
  },
];
