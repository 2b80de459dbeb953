// SPDX-License-Identifier: Apache-2.0
// How to break the commands that stream records and page through results: each entry makes the named test fail (script/prove-tests).
const raw = String.raw;
const send = (title) => `scenario/34-stream-command: ${title}`, query = (title) => `scenario/35-query-command: ${title}`;
const stream = 'src/cli/command_stream.c', pack = 'src/cli/pack.c', lines = 'src/cli/lines.c', retry = 'src/cli/retry.c', record = 'src/cli/record.c';
const visible = 'src/cli/visible.c', refusal = 'src/cli/refusal.c', paging = 'src/cli/command_query.c', table = 'src/base/table.c';
const full = send('records go as they stand, in order, in full bodies of up to 204,800 bytes, one request at a time');
const longest = send('the longest record fills a body to the byte, and one byte more is a bad line');
const again = send('429, 503, 500 and a lost connection are tried again with the same body, after the pause that was asked for');
const bounded = send('--retry-seconds bounds the tries, and what is known of the records is told');
const stops = send('it stops at a line that is no object: all before it is sent, nothing from it on');
const refused = send('records that the server refuses are told with their lines and reasons');
const byValue = send('a record that the server writes anew is found by its value; a 400 that names none is told with its lines');
const interrupt = send('Ctrl-C sends what was read, waits for its answer, and says how far it came');
const waits = send('--wait ends when what was accepted can be queried, whatever others send meanwhile');
const deletes = send('stream delete sends ids as they are, 200 a request, from arguments or from lines');
const forms = query('every batch is asked for once, and the rows come out in all three forms');

export default [
	{ test: full, file: stream, from: '#define BODY_BYTES_MAX 204800', to: '#define BODY_BYTES_MAX 204000' },
	{ test: longest, file: stream, from: '#define BODY_BYTES_MAX 204800', to: '#define BODY_BYTES_MAX 204801' },
	{ test: full, file: stream, from: '	if (is_blank(text))', to: '	if (text.len == 0)' },
	{ test: full, file: lines, from: raw`slice_starts(text, SLICE("\xef\xbb\xbf"))`, to: raw`slice_starts(text, SLICE("\xef\xbb\xbe"))` },
	{ test: full, file: lines, from: raw`if (has_end && text.len > 0 && text.ptr[text.len - 1] == '\r')`, to: raw`if (has_end && text.len > 0 && text.ptr[text.len - 1] == '\v')` },
	{ test: longest, file: pack, from: '	return pack->options.bytes_max - pack->head_bytes - TAIL_BYTES;', to: '	return pack->options.bytes_max - pack->head_bytes - TAIL_BYTES - 1;' },
	{ test: longest, file: stream, from: '		s->in->exit_status = EXIT_RECORDS_FAILED;', to: '		s->in->exit_status = 0;' },
	{ test: send('a line of a pipe that stays open is sent before the next one comes'), file: stream, from: '	if (s->pack.count == 0)\n		return LINES_FOREVER;', to: '	if (s->pack.count < 2)\n		return LINES_FOREVER;' },
	{ test: send('lines that come within --linger-ms go together, and --batch-records at most'), file: stream, from: 'waited_ms >= s->linger_ms ? 0 : (int)(s->linger_ms - waited_ms)', to: 'waited_ms >= 0 ? 0 : (int)(s->linger_ms - waited_ms)' },
	{ test: send('lines that come within --linger-ms go together, and --batch-records at most'), file: stream, from: '	pack->count_max = (size_t)count;', to: '	pack->count_max = (size_t)count + 1;' },
	{ test: send('lines that come within --linger-ms go together, and --batch-records at most'), file: stream, from: 's->pack.count == s->pack.options.count_max ? send_packed(s, err) : OK;', to: 's->pack.count > s->pack.options.count_max ? send_packed(s, err) : OK;' },
	{ test: again, file: retry, from: 'st == E_BUSY || (st == E_IO && !retry->refused_only)', to: 'st == E_BUSY' },
	{ test: again, file: retry, from: 'st == E_BUSY || (st == E_IO && !retry->refused_only)', to: '(st == E_IO && !retry->refused_only)' },
	{ test: again, file: retry, from: 'unsigned asked_s = client_retry_after_s(client);', to: 'unsigned asked_s = client == NULL;' },
	{ test: bounded, file: retry, from: '	if (left >= (int64_t)asked_s * 1000 && left > 0)', to: '	if (left > 0)' },
	{ test: bounded, file: retry, from: '	if (retry->seconds_max == 0)\n		return -1;', to: '	if (retry->seconds_max < 0)\n		return -1;' },
	{ test: bounded, file: stream, from: 'bool is_open = st == E_IO || st == E_BUSY ||', to: 'bool is_open = st == E_IO ||' },
	{ test: stops, file: stream, from: '		stop_at(s, line, why);\n		return send_packed(s, err);', to: '		stop_at(s, line, why);\n		pack_clear(&s->pack);\n		return send_packed(s, err);' },
	{ test: stops, file: stream, from: '	return s->stops ? err_set(err, E_INVALID, "%s", s->stop.text) : OK;', to: '	return OK;' },
	{ test: stops, file: record, from: '	if (kind == SCAN_ARRAY)', to: '	if (kind == SCAN_DONE)' },
	{ test: stops, file: record, from: '	/* Nothing may follow. */\n	if (st == OK)', to: '	/* Nothing may follow. */\n	if (st != OK)' },
	{ test: refused, file: stream, from: 'memset(keep + first, false, s->pack.count - first);', to: 'memset(keep + first, true, s->pack.count - first);' },
	{ test: refused, file: stream, from: '		keep[entry->record] = false;', to: '		keep[entry->record] = true;' },
	{ test: refused, file: stream, from: raw`client_path(&s->path, "/actions/test");`, to: raw`client_path(&s->path, "/");` },
	{ test: refused, file: stream, from: 's->keeps_going = s->is_dry || s->in->options[OPT_KEEP_GOING] != NULL;', to: 's->keeps_going = s->in->options[OPT_KEEP_GOING] != NULL;' },
	{ test: byValue, file: refusal, from: '			if (json_equal(match->parsed[i], value))', to: '			if (match->parsed[i] == value)' },
	{ test: byValue, file: stream, from: '		s->failed += s->pack.count;\n', to: '' },
	{ test: interrupt, file: 'src/cli/interrupt.c', from: '		interrupt_asked = 1;', to: '		interrupt_asked = interrupt_now = 1;' },
	{ test: interrupt, file: lines, from: '	if (lines->ended && lines->end > lines->begin) {', to: '	if ((lines->ended || is_stopped(lines)) && lines->end > lines->begin) {' },
	{ test: interrupt, file: stream, from: '	if (interrupt_asked && st != OK)', to: '	if (interrupt_asked && st == OK)' },
	{ test: send('a server that hangs holds up Ctrl-C for five seconds'), file: 'src/cli/interrupt.c', from: '		alarm((unsigned)grace);', to: '		alarm((unsigned)grace * 60);' },
	{ test: send('--json gives the outcome to a program, also of a run that fails'), file: stream, from: raw`	json_write_key(&w, "lastLine");`, to: raw`	json_write_key(&w, "line");` },
	{ test: send('--json gives the outcome to a program, also of a run that fails'), file: stream, from: '	s->last_line = s->pack.records[s->pack.count - 1].line;', to: '	s->last_line = s->pack.records[0].line;' },
	{ test: waits, file: visible, from: 'st = ask_state(&ask, step, &accepted, &applied, err);', to: 'st = ask_state(&ask, step, &goal, &applied, err);' },
	{ test: waits, file: visible, from: '	else if (applied < goal)\n', to: '	else if (applied < 0)\n' },
	{ test: deletes, file: stream, from: '#define IDS_MAX        200', to: '#define IDS_MAX        201' },
	{ test: deletes, file: record, from: '!utf8_is_valid(id) || ', to: '' },
	{ test: deletes, file: stream, from: '	if ((in->arg_count > 2) == (from != NULL))', to: '	if (in->arg_count > 2 && from != NULL)' },
	{ test: send('wrong options and files are refused before anything is sent'), file: stream, from: 'given < min || given > max)', to: 'given > max)' },
	{ test: send('wrong options and files are refused before anything is sent'), file: lines, from: '	if (S_ISDIR(about.st_mode))', to: '	if (S_ISBLK(about.st_mode))' },
	{ test: forms, file: paging, from: raw`while (st == OK && *next_batch(*answer) != '\0')`, to: raw`if (st == OK && *next_batch(*answer) != '\0')` },
	{ test: forms, file: paging, from: 'if (result->row_count + row > 0)', to: 'if (row > 0)' },
	{ test: forms, file: paging, from: '		result->form->end(result);', to: '		(void)0;' },
	{ test: query('the batches of the server itself make the whole result'), file: paging, from: raw`client_path(&path, "/api/v2/query/{}", id);`, to: raw`client_path(&path, "/api/v2/{}", id);` },
	{ test: query('a result without rows has its columns, and a server without batches says that there are more rows'), file: paging, from: raw`if (json_is_false(json_object_get(*answer, "done")))`, to: raw`if (json_is_false(json_object_get(*answer, "more")))` },
	{ test: query('rows are printed before the next batch is there'), file: paging, from: 'if (st == OK && (fflush(stdout) != 0 || ferror(stdout)))', to: 'if (st == OK && ferror(stdout))' },
	{ test: query('a batch that fails ends it with 1, and how many rows came before is told'), file: paging, from: 'term_count(count, (int64_t)result->row_count)', to: 'term_count(count, 0)' },
	{ test: query('a batch that fails ends it with 1, and how many rows came before is told'), file: paging, from: '	if (st == OK && result->form->end != NULL)', to: '	if (result->form->end != NULL)' },
	{ test: query('a batch that the server refuses for the moment is asked for again, a query is not'), file: paging, from: '{.seconds_max = RETRY_S, .refused_only = true}', to: '{.refused_only = true}' },
	{ test: query('a reader that leaves ends it early and without a word, also where SIGPIPE is ignored'), file: 'src/cli/cli.c', from: '	signal(SIGPIPE, SIG_DFL);', to: '	signal(SIGCHLD, SIG_DFL);' },
	{ test: query('a million rows take the memory of one batch'), file: table, from: '	arena_reset(&table->rows_arena);\n', to: '' },
	{ test: query('a million rows take the memory of one batch'), file: paging, from: '	json_decref(*answer);\n	*answer = NULL;', to: '	*answer = NULL;' },
	{ test: 'unit/table_test: a_table_in_pieces_keeps_the_widths_of_the_first', file: table, from: '	if (!table->is_printed)', to: '	if (table->first != NULL)' },
	{ test: 'unit/lines_test: lines_end_in_lf_or_cr_lf_or_with_the_file', file: lines, from: '	if (lines->ended && lines->end > lines->begin) {', to: '	if (lines->ended && lines->end > lines->begin + 1) {' },
	{ test: 'unit/lines_test: a_byte_order_mark_is_skipped_at_the_start_only', file: lines, from: '	lines->at_start = false;\n	*ret_line', to: '	*ret_line' },
	{ test: 'unit/lines_test: a_line_that_is_too_long_is_told_and_the_next_one_is_whole', file: lines, from: 'return text.len > lines->options.line_bytes_max ?', to: 'return text.len > lines->options.line_bytes_max + 1 ?' },
	{ test: 'unit/lines_test: a_line_that_is_too_long_is_told_and_the_next_one_is_whole', file: lines, from: '		lines->is_dropping = true;', to: '		lines->is_dropping = lines->ended;' },
	{ test: 'unit/lines_test: a_long_input_comes_out_as_it_went_in', file: lines, from: '	lines->searched -= lines->begin;', to: '	lines->searched -= lines->begin / 2;' },
	{ test: 'unit/lines_test: a_pipe_without_a_line_is_quiet_after_the_wait', file: lines, from: 'gone_ms >= wait_ms ? 0', to: 'gone_ms >= 0 ? 0' },
	{ test: 'unit/lines_test: a_stop_ends_it_behind_the_lines_that_are_whole', file: lines, from: '	if (lines->ended && lines->end > lines->begin) {', to: '	if ((lines->ended || is_stopped(lines)) && lines->end > lines->begin) {' },
	{ test: 'unit/lines_test: a_stop_just_before_the_wait_is_not_slept_through', file: lines, from: '	if (!is_stopped(lines))\n		count', to: '	if (lines->name != NULL)\n		count' },
	{ test: 'unit/lines_test: what_cannot_be_read_is_an_error', file: lines, from: '	if (S_ISDIR(about.st_mode))', to: '	if (S_ISBLK(about.st_mode))' },
	{ test: 'unit/pack_test: a_body_holds_what_fits_to_the_byte', file: pack, from: 'comma + record.len + TAIL_BYTES > pack->options.bytes_max', to: 'record.len + TAIL_BYTES > pack->options.bytes_max' },
	{ test: 'unit/pack_test: a_body_holds_no_more_than_its_count', file: pack, from: 'pack->count == pack->options.count_max ||', to: 'pack->count > pack->options.count_max ||' },
	{ test: 'unit/pack_test: records_can_be_taken_out_again', file: pack, from: '		record.offset = to;\n', to: '' },
	{ test: 'unit/pack_test: a_report_names_records_in_their_order', file: refusal, from: '		match->next = found.record + 1;', to: '		match->next = found.record;' },
	{ test: 'unit/pack_test: reasons_are_joined', file: refusal, from: '		if (out->len > start)', to: '		if (out->len > 0)' },
	{ test: 'unit/retry_test: pauses_double_up_to_ten_seconds_and_half_of_each_is_chance', file: retry, from: '	by_chance = random % (longest / 2 + 1);', to: '	by_chance = random % (longest / 2 + 2);' },
	{ test: 'unit/retry_test: a_pause_is_never_shorter_than_the_server_asks', file: retry, from: 'asked_ms > longest / 2 ? asked_ms : longest / 2', to: 'asked_ms > 60000 ? 60000 : asked_ms' },
	{ test: 'unit/record_test: a_record_is_one_json_object', file: record, from: 'if (st == OK && token.kind != SCAN_OBJECT)', to: 'if (st == OK && token.kind == SCAN_NUMBER)' },
	{ test: 'unit/record_test: an_id_is_a_json_string_and_never_another_id', file: record, from: raw` || memchr(id.ptr, '\0', id.len) != NULL`, to: '' },
];
