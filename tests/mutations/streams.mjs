// SPDX-License-Identifier: Apache-2.0
// How to break the shapes of objects and the streaming routes: each entry makes the named test fail (script/prove-tests).
export default [
  {
    test: 'unit/shape_test: a_shape_is_made_once_and_given_again',
    file: 'src/catalog/shape.c',
    from: String.raw`	if (held != NULL && is_current(held, stream))
		found`,
    to: String.raw`	if (held != NULL && is_current(held, stream) && held->users > 5)
		found`,
  },
  {
    test: 'unit/shape_test: a_new_document_makes_a_new_shape_and_the_old_one_stays_for_its_users',
    file: 'src/catalog/shape.c',
    from: String.raw`made->revision == stream->revision &&`,
    to: String.raw`true &&`,
  },
  {
    test: 'unit/shape_test: another_setting_makes_a_new_shape',
    file: 'src/catalog/shape.c',
    from: String.raw`made->refresh == stream->refresh &&`,
    to: String.raw`true &&`,
  },
  {
    test: 'unit/shape_test: a_stream_made_anew_has_a_shape_of_its_own',
    file: 'src/catalog/catalog_sqlite_sql.def',
    from: String.raw`?7, lower(hex(randomblob(16))))`,
    to: String.raw`?7, lower(hex(?2 || ?1)))`,
  },
  {
    test: 'unit/shape_test: of_too_many_shapes_the_longest_unasked_goes_unless_it_is_used',
    file: 'src/catalog/shape.c',
    from: String.raw`			if ((*link)->users == 0 &&
`,
    to: String.raw`			if ((*link)->users >= 9 &&
`,
  },
  {
    test: 'unit/shape_test: any_number_of_threads_may_ask_while_documents_change',
    file: 'src/catalog/shape.c',
    from: String.raw`		dead = made;
`,
    to: String.raw`		(void)made;
`,
  },
  {
    test: 'unit/rate_test: so_many_in_any_span_and_no_more',
    file: 'src/emulate/rate.c',
    from: String.raw`if (now_us >= free_us) {`,
    to: String.raw`if (true) {`,
  },
  {
    test: 'unit/rate_test: no_span_holds_more_wherever_it_begins',
    file: 'src/emulate/rate.c',
    from: String.raw`rate->taken_us[rate->oldest] + rate->span_us;`,
    to: String.raw`rate->taken_us[rate->oldest] + rate->span_us / 2;`,
  },
  {
    test: 'scenario/36-streaming: records are accepted, land, and replace those of their keys',
    file: 'src/api/streaming.c',
    from: String.raw`respond_accepted(request, 202);`,
    to: String.raw`respond_accepted(request, 200);`,
  },
  {
    test: 'scenario/36-streaming: one bad record refuses the whole request, and the report says what is wrong in order',
    file: 'src/api/streaming.c',
    from: String.raw`json_write_raw(&w, buffer_slice(&report->json));`,
    to: String.raw`json_write_null(&w);`,
  },
  {
    test: 'scenario/36-streaming: actions/test stores nothing',
    file: 'src/api/streaming.c',
    from: String.raw`} else if (only_test) {`,
    to: String.raw`} else if (only_test && report.count > 0) {`,
  },
  {
    test: 'scenario/36-streaming: what is not of the form is 400 and leaves nothing',
    file: 'src/api/streaming.c',
    from: String.raw`	if (st == E_INVALID) {
		count_outcome`,
    to: String.raw`	if (st == E_INVALID && err->text[0] == 0) {
		count_outcome`,
  },
  {
    test: 'scenario/36-streaming: 204,800 bytes are taken, one more is 413',
    file: 'src/api/handlers.h',
    from: String.raw`#define API_RECORDS_BYTES_MAX 204800`,
    to: String.raw`#define API_RECORDS_BYTES_MAX 204801`,
  },
  {
    test: 'scenario/36-streaming: records are deleted by the query string and by the body',
    file: 'src/api/streaming.c',
    from: String.raw`	if (in_query && body.len > 0)`,
    to: String.raw`	if (in_query && body.len > 1000)`,
  },
  {
    test: 'scenario/36-streaming: an unknown connector, object or stream is 404 and says which',
    file: 'src/api/streaming.c',
    from: String.raw`	if (st == E_NOT_FOUND) {
		count_outcome(STREAMING_REFUSED);
		api_respond_no_stream(request, connector, object);`,
    to: String.raw`	if (st == E_NOT_FOUND) {
		count_outcome(STREAMING_REFUSED);
		api_respond_no_stream(request, object, connector);`,
  },
  {
    test: 'scenario/36-streaming: a body in a content coding is 415',
    file: 'src/api/streaming.c',
    from: String.raw`if (request_coding(request) == HTTP_CODING_NONE)`,
    to: String.raw`if (request_coding(request) != HTTP_CODING_OTHER)`,
  },
  {
    test: 'scenario/36-streaming: a schema that grows is asked for at the next request',
    file: 'src/catalog/shape.c',
    from: String.raw`made->revision == stream->revision &&`,
    to: String.raw`true &&`,
  },
  {
    test: 'scenario/36-streaming: what was accepted is counted',
    file: 'src/api/streaming.c',
    from: String.raw`count_outcome(STREAMING_VALID);`,
    to: String.raw`count_outcome(STREAMING_ACCEPTED);`,
  },
  {
    test: 'scenario/37-streaming-hosted: 250 streaming requests are taken in a second: the next is 429 with Retry-After',
    file: 'src/api/streaming.c',
    from: String.raw`respond_header(request, "Retry-After", "1");`,
    to: String.raw`respond_header(request, "X-Retry", "1");`,
  },
  {
    test: 'scenario/37-streaming-hosted: without --emulate hosted there is no such quota',
    file: 'src/serve/serve.c',
    from: String.raw`if (st == OK && house->config.emulate == EMULATE_HOSTED)
		st = rate_create`,
    to: String.raw`if (st == OK)
		st = rate_create`,
  },
  {
    test: 'scenario/36-streaming: a JSON number keeps its exact decimal value',
    file: 'src/convert/value.h',
    from: String.raw`#define VALUE_NUMBER_SCALE 18`,
    to: String.raw`#define VALUE_NUMBER_SCALE 17`,
  },
  {
    test: 'scenario/39-everything: bulk jobs, streams, deletes and queries on two objects at once, with restarts and kills in between',
    file: 'src/catalog/catalog_sqlite_job.c',
    from: String.raw`	job->journal_end = move->journal_end;`,
    to: String.raw`	job->journal_end = 0;`,
  },
  {
    test: "scenario/10-query: a stream's table has the hosted service's name and the plain one, whatever the names are",
    file: 'src/lake/lake_duckdb_table.c',
    from: String.raw`	strcat(name, "__c");`,
    to: String.raw`	strcat(name, "__C_");`,
  },
];
