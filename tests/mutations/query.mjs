// SPDX-License-Identifier: Apache-2.0
// How to break results in batches, their pages, and the end of queries that nobody waits for: each entry makes the named test fail
// (script/prove-tests).
const results = 'src/query/results.c', spool = 'src/query/spool.c', order = 'src/query/order.c', render = 'src/query/render.c', api = 'src/api/query.c', lake = 'src/lake/lake_duckdb_query.c', watch = 'src/lake/lake_duckdb_watch.c', request = 'src/http/request.c', serve = 'src/serve/serve.c';
const unit = (name) => `unit/results_test: ${name}`, batches = (title) => `scenario/29-query-batches: ${title}`, page = (title) => `scenario/30-query-v1: ${title}`;
const once = unit('every_row_comes_once_whatever_the_size'), whole = batches('a million rows are fetched whole, each once and in order, of one state, though jobs land meanwhile');
const ends = batches('a batch ends at --query-rows or before 8 MiB, and has a row however large that is'), good = batches('an id is good once, for who was given it; of two requests at once one gets the batch');
const hour = batches('a result is kept for an hour from its query, and its file goes at once then'), restart = batches('a restart forgets what was kept, a kill as well'), room = batches('results have the room of --query-spool together; what is fetched or old gives it back');
const leaves = batches('a client that leaves ends its query within a moment, also one that waits for its turn'), silent = batches('a client that is silent, or sends its next request ahead, has not left'), holds = batches('a query holds up a job for its time limit at most, and a slow reader of a large result not at all');
const form = page('an answer of the older form has its rows as objects and no next batch'), limit = page('limit and offset cut a page out of the rows, and done says whether there are more'), by = page('orderby brings rows into the order of columns, by name or place, up or down'), refused = page('what is no limit, offset or orderby is refused with what would be right');
const ordered = 'conformance/lake_test: a_result_can_be_ordered_and_begin_later', cancelled = 'conformance/lake_test: a_query_that_is_cancelled_ends_soon';

export default [
	{ test: once, file: results, from: 'c->ended = c->rows == c->rows_max;', to: 'c->ended = c->rows > c->rows_max;' },
	{ test: once, file: spool, from: 'size_t from = (size_t)(offset + (int64_t)done - spool->file_bytes);', to: 'size_t from = 0;' },
	{ test: unit('an_id_is_good_once_and_for_its_user_alone'), file: results, from: 'strcmp(result->user_id, user_id) == 0', to: 'user_id != NULL' },
	{ test: unit('of_many_with_one_id_exactly_one_gets_the_batch'), file: results, from: 'uuid_make(result->next_id);', to: "if (result->next_id[0] == '\\0')\n\t\tuuid_make(result->next_id);" },
	{ test: unit('a_result_is_kept_for_an_hour'), file: results, from: 'result != NULL && !is_old(result->ended_us, now_us) &&', to: 'result != NULL &&' },
	{ test: unit('a_result_is_kept_for_an_hour'), file: results, from: 'if (result->ended_us < results->oldest_us)', to: 'if (result->ended_us > results->oldest_us)' },
	{ test: once, file: spool, from: 'room->bytes -= spool->counted;', to: 'room->bytes -= 0;' },
	{ test: unit('what_is_kept_has_a_limit_and_gives_its_room_back'), file: spool, from: 'fits = bytes <= room->bytes_max - room->bytes && ', to: 'fits = ' },
	{ test: unit('small_results_are_kept_in_memory_until_they_are_many'), file: spool, from: ' && memory <= room->memory_max - room->memory', to: '' },
	{ test: unit('small_results_are_kept_in_memory_until_they_are_many'), file: spool, from: 'spool->has_file || !take_room', to: 'true || !take_room' },
	{ test: unit('ten_thousand_results_are_kept_and_no_more'), file: results, from: 'fits = results->count < RESULTS_MAX;', to: 'fits = true;' },
	{ test: unit('a_query_that_fails_leaves_nothing'), file: results, from: '\tif (st != OK) {\n\t\tdestroy(writing.result);', to: '\tif (st != OK && st != E_TIMEOUT) {\n\t\tdestroy(writing.result);' },
	{ test: unit('what_another_process_left_is_removed'), file: results, from: 'if (strncmp(entry->d_name, prefix, sizeof(prefix) - 1) != 0)', to: "if (entry->d_name[0] == '.')" },
	{ test: unit('a_page_has_objects_and_says_whether_more_follows'), file: results, from: 'batch->done = batch->done && !more;', to: 'batch->done = batch->done || !more;' },

	{ test: whole, file: results, from: 'struct lake_query ask = {.rows_max = INT64_MAX};', to: 'struct lake_query ask = {.rows_max = 200000};' },
	{ test: whole, file: api, from: "batch->next_id[0] != '\\0' ? batch->next_id : NULL", to: 'batch->next_id' },
	{ test: whole, file: results, from: 'result->offset += (int64_t)c.end;', to: 'result->offset += (int64_t)c.end + (result->offset > 9000000 && c.end < 900000);' },
	{ test: ends, file: results, from: 'if (c->rows > 0 && end > RESULTS_BATCH_BYTES_MAX)', to: 'if (c->rows > 0 && end >= RESULTS_BATCH_BYTES_MAX)' },
	{ test: ends, file: results, from: 'result->metadata_bytes + 1;', to: 'result->metadata_bytes;' },
	{ test: good, file: 'src/api/routes.def', from: 'ROUTE(POST, "/api/v2/query/{nextBatchId}", SCOPE_QUERY', to: 'ROUTE(PUT, "/api/v2/query/{nextBatchId}", SCOPE_QUERY' },
	{ test: good, file: api, from: 'else if (st == E_NOT_FOUND)', to: 'else if (st == E_GONE)' },
	{ test: good, file: api, from: 'return token->user_id;', to: 'return token == NULL ? "" : "anybody";' },
	{ test: hour, file: serve, from: '\tresults_expire(house->results);\n', to: '' },
	{ test: hour, file: spool, from: 'flags | O_CLOEXEC, 0600)', to: 'flags | O_CLOEXEC, 0400)' },
	{ test: hour, file: results, from: 'result->next = results->kept;', to: 'result->ended_us = clock_now_us();\n\tresult->next = results->kept;' },
	{ test: hour, file: spool, from: 'metric_add(METRIC_QUERY_RESULT_BYTES, 0, -spool->counted);', to: '' },
	{ test: restart, file: results, from: 'if (unlinkat(dirfd(folder), entry->d_name, 0) != 0 && st == OK)', to: 'if (st != OK)' },
	{ test: restart, file: spool, from: 'if (spool->has_file && unlink(spool->path) != 0)', to: 'if (false)' },
	{ test: room, file: serve, from: '.bytes_max = house->config.query_spool_mb * 1024 * 1024', to: '.bytes_max = house->config.query_spool_mb * 1024 * 1024 * 1024' },
	{ test: room, file: results, from: '\tif (st == E_BUSY)\n\t\tst = say_no_room(results, err);\n', to: '' },
	{ test: unit('what_is_kept_has_a_limit_and_gives_its_room_back'), file: results, from: '\tresults_expire(results);\n\task->sql', to: '\task->sql' },
	{ test: leaves, file: api, from: '.is_cancelled = is_client_gone,', to: '.is_cancelled = NULL,' },
	{ test: leaves, file: request, from: '.events = POLLRDHUP};', to: '.events = 0};' },
	{ test: leaves, file: watch, from: ' ||\n\t    lake_duckdb_watch_is_cancelled(watch)) {', to: ') {' },
	{ test: leaves, file: api, from: '\tcase E_CANCELLED:\n\t\treturn QUERY_CANCELLED;\n', to: '' },
	{ test: silent, file: request, from: 'return poll(&look, 1, 0) == 1 &&', to: 'look.events = POLLIN;\n\treturn poll(&look, 1, 0) == 1 ||' },
	{ test: holds, file: results, from: '\task->timeout_ms = results->options.timeout_ms;', to: '\task->timeout_ms = results->options.timeout_ms * 20;' },

	{ test: form, file: render, from: '\tif (render->as_objects)\n\t\tjson_write_object(&w);\n\telse\n\t\tjson_write_array(&w);', to: '\tjson_write_array(&w);' },
	{ test: form, file: api, from: 'respond_batch(request, &answer, page == NULL);', to: 'respond_batch(request, &answer, true);' },
	{ test: limit, file: api, from: '#define PAGE_ROWS_MAX 49999', to: '#define PAGE_ROWS_MAX 50000' },
	{ test: limit, file: lake, from: 'int64_t first = run->query->skip - passed;', to: 'int64_t first = passed == 0 ? run->query->skip : 0;' },
	{ test: limit, file: api, from: ' || text.len == 0)\n\t\treturn true;\n\tfor', to: ')\n\t\treturn true;\n\tfor' },
	{ test: by, file: order, from: 'if (take_word(text, "DESC"))', to: 'if (take_word(text, "DESK"))' },
	{ test: by, file: order, from: "if (i + 1 >= text->len || text->ptr[i + 1] != '\"')", to: 'if (true)' },
	{ test: by, file: lake, from: 'query->order[i].nulls_first ? "FIRST" : "LAST"', to: 'query->order[i].descending ? "FIRST" : "LAST"' },
	{ test: refused, file: api, from: 'if (!right || number < min || number > max) {', to: 'if (!right || number > max) {' },
	{ test: refused, file: lake, from: 'if (order->place < 1 || order->place > (int64_t)run->column_count)', to: 'if (order->place < 1)' },
	{ test: refused, file: order, from: 'if (count == ORDER_COLUMNS_MAX)', to: 'if (count > ORDER_COLUMNS_MAX + 100)' },
	{ test: ordered, file: lake, from: 'buffer_printf(text, " LIMIT %" PRId64, limit + 1);', to: 'buffer_printf(text, " LIMIT %" PRId64, limit);' },
	{ test: ordered, file: lake, from: 'if (slice_is_nocase(order->name, run->columns[i - 1].name))', to: 'if (slice_is(order->name, run->columns[i - 1].name))' },
	{ test: cancelled, file: lake, from: '\tif (lake_duckdb_watch_is_cancelled(&run->watch))\n\t\treturn say_cancelled(err);\n', to: '' },
	{ test: 'scenario/12-memory: memory stays near that of the lake\'s engine while a result of 200 MB is made and fetched', file: 'src/query/results.h', from: '#define RESULTS_BATCH_BYTES_MAX (8 * 1024 * 1024)', to: '#define RESULTS_BATCH_BYTES_MAX (96 * 1024 * 1024)' },
	{ test: 'scenario/18-metrics: queries are counted by outcome', file: api, from: '\tcase OK:\n\t\treturn QUERY_DONE;', to: '\tcase OK:\n\t\treturn QUERY_CANCELLED;' },
];
