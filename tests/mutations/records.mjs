// SPDX-License-Identifier: Apache-2.0
// How to break streamed records, their tokenizer and their entries: each entry makes the named test fail (script/prove-tests).
const raw = String.raw;
const scan = 'src/json/json_scan.c', keys = 'src/json/json_keys.c', entry = 'src/convert/entry.c';
const records = 'src/convert/records.c', report = 'src/convert/record_report.c', ids = 'src/convert/record_ids.c';
const json = 'unit/json_scan_test: ', codec = 'unit/entry_test: ', unit = 'unit/records_test: ';
const sentence = 'unit/record_report_test: ', deletion = 'unit/record_ids_test: ';

export default [
	// The tokenizer.
	{ test: json + 'a_text_is_given_token_by_token', file: scan, from: raw`		*out++ = (char)(0x80 | (c >> 12 & 0x3f));`, to: raw`		*out++ = (char)(0x80 | (c >> 11 & 0x3f));` },
	{ test: json + 'a_text_is_given_token_by_token', file: scan, from: raw`	return escapes ? unescape(scan, raw, ret_text, err) : OK;`, to: raw`	return OK;` },
	{ test: json + 'what_is_not_json_is_refused_with_its_place', file: scan, from: raw`		else if (((unsigned char)*p & 0xc0) != 0x80)
			place.column++;`, to: raw`		else
			place.column++;` },
	{ test: json + 'what_is_not_json_is_refused_with_its_place', file: scan, from: raw`	if (*digits == '0' && p > digits + 1)`, to: raw`	if (*digits == '0' && p > digits + 2)` },
	{ test: json + 'what_is_not_json_is_refused_with_its_place', file: scan, from: raw`	if (first == 0)
		return "\\u0000, which no text may hold,";
`, to: '' },
	{ test: json + 'what_is_not_json_is_refused_with_its_place', file: scan, from: raw`second < 0xdc00 || second > 0xdfff`, to: raw`second < 0xd800 || second > 0xdfff` },
	{ test: json + 'what_is_not_json_is_refused_with_its_place', file: scan, from: raw`	if (!ascii && check_utf8(scan, raw, err) != OK)
		return E_INVALID;
`, to: raw`	(void)ascii;
	(void)check_utf8;
` },
	{ test: json + 'what_is_not_json_is_refused_with_its_place', file: scan, from: raw`		if (scan->at < scan->end)
			return refuse_token(scan, "the end of the text", err);
`, to: '' },
	{ test: json + 'base_json_refuses_the_same', file: 'src/base/json.c', from: raw`JSON_REJECT_DUPLICATES`, to: raw`0` },
	{ test: json + 'base_json_refuses_the_same', file: 'src/base/json.c', from: raw`	if (memchr(text.ptr, '\0', text.len) != NULL) {`, to: raw`	if (text.len == 0) {` },
	{ test: 'unit/json_test: what_is_not_quite_json_is_refused', file: 'src/base/json.c', from: raw`	if (memchr(text.ptr, '\0', text.len) != NULL) {`, to: raw`	if (text.len == 0) {` },
	{ test: json + 'nesting_ends_at_64', file: scan, from: raw`	if (scan->depth == JSON_SCAN_DEPTH) {`, to: raw`	if (scan->depth == JSON_SCAN_DEPTH - 1) {` },
	{ test: json + 'a_strings_end_is_found_at_any_place', file: scan, from: raw`	return (quote & backslash & (word + EACH_BYTE(0x60)) & high) == high;`, to: raw`	return (quote & (word + EACH_BYTE(0x60)) & high) == high || backslash == 0;` },
	{ test: json + 'a_strings_end_is_found_at_any_place', file: scan, from: raw`(word + EACH_BYTE(0x60))`, to: raw`(word + EACH_BYTE(0x61))` },
	{ test: json + 'a_value_can_be_skipped', file: scan, from: raw`	unsigned outside = scan->depth - 1;`, to: raw`	unsigned outside = scan->depth;` },
	{ test: json + 'a_caller_may_compare_an_objects_keys_itself', file: scan, from: raw`	scan->caller_keys &= ~bit;
`, to: '' },
	{ test: json + 'a_caller_may_compare_an_objects_keys_itself', file: scan, from: raw`	if ((scan->caller_keys >> (scan->depth - 1) & 1) != 0)
		return OK;
`, to: '' },
	{ test: json + 'many_members_are_compared_in_good_time', file: keys, from: raw`	for (size_t i = count / 2; i-- > 0;)
		sift_down(keys, i, count);
`, to: '' },

	// Entries.
	{ test: codec + 'an_entry_is_these_bytes', file: entry, from: raw`	return bits / 8 + 1;`, to: raw`	return bits / 8 + 2;` },
	{ test: codec + 'a_value_is_read_as_it_was_written', file: entry, from: raw`	return bits / 8 + 1;`, to: raw`	return (bits + 7) / 8 + (bits == 0);` },
	{ test: codec + 'a_value_is_read_as_it_was_written', file: entry, from: raw`		value = ~value;
`, to: raw`		value = 0;
` },
	{ test: codec + 'an_entry_may_have_no_rows', file: entry, from: raw`	if (reader->rows_left == 0)
		return err_set(err, E_NOT_FOUND, "the entry has no more rows");
`, to: '' },
	{ test: codec + 'absent_values_take_no_room', file: entry, from: raw`	w->absent += (uint32_t)count;`, to: raw`	w->absent++;` },
	{ test: codec + 'a_full_buffer_stays_failed', file: entry, from: raw`	if (!w->out->failed)
		put_fixed`, to: raw`	w->out->failed = false;
	if (w->out->ptr != NULL)
		put_fixed` },
	{ test: codec + 'bytes_that_break_the_form_are_refused', file: entry, from: raw`		if (slice_equals(names[i - 1], names[i]))`, to: raw`		if (i == 0 && slice_equals(names[i - 1], names[i]))` },
	{ test: codec + 'bytes_that_break_the_form_are_refused', file: entry, from: raw`	return schema_name_is_valid(field->name);`, to: raw`	return true;` },
	{ test: codec + 'bytes_that_break_the_form_are_refused', file: entry, from: raw` &&
		       value_string(value->text) == REJECT_NONE;`, to: raw`;` },
	{ test: codec + 'bytes_that_break_the_form_are_refused', file: entry, from: raw`number < number_limit();`, to: raw`number <= number_limit();` },
	{ test: codec + 'bytes_that_break_the_form_are_refused', file: entry, from: raw`#define DAYS_LAST  2932896`, to: raw`#define DAYS_LAST  2932897` },
	{ test: codec + 'bytes_that_break_the_form_are_refused', file: entry, from: raw`	if (r.row_count > bytes.len)`, to: raw`	if (r.row_count > bytes.len + 1)` },
	{ test: codec + 'bytes_that_break_the_form_are_refused', file: entry, from: raw`	if (reader->rows_left == 0 && reader->rest.len > 0)`, to: raw`	if (reader->rows_left > 0 && reader->rest.len == 0)` },

	// What becomes an entry.
	{ test: unit + 'a_record_becomes_typed_values_in_the_schemas_order', file: records, from: raw`	if (cell < plan->cell_count)
		r->order[place] = cell;
	return cell;`, to: raw`	return place;` },
	{ test: unit + 'blank_is_null_for_every_type', file: records, from: raw`token->kind == SCAN_STRING && token->text.len == 0`, to: raw`token->kind == SCAN_STRING && token->text.len == 0 && cell->type != FIELD_NUMBER` },
	{ test: unit + 'numbers_keep_their_exact_value', file: records, from: raw`		return value_number(text, &ret_value->number);`, to: raw`		ret_value->number = (int128)(strtold(text.ptr, NULL) * 1e18L);
		return REJECT_NONE;` },
	{ test: unit + 'a_partial_record_may_leave_fields_out', file: records, from: raw`r->seen[next] != r->record; next++)`, to: raw`r->seen[next] == 0; next++)` },
	{ test: unit + 'what_says_which_row_and_when_must_be_in_a_partial_record', file: records, from: raw`(if_blank != REJECT_NONE && if_blank != REJECT_BLANK_REQUIRED)`, to: raw`(if_blank == REJECT_BLANK_KEY)` },
	{ test: unit + 'other_members_beside_data_are_ignored', file: records, from: raw`				     : json_scan_skip(&r->scan, &value, err);`, to: raw`				     : err_set(err, E_INVALID, "unknown");` },
	{ test: unit + 'the_order_of_members_may_change_from_record_to_record', file: records, from: raw`	if (slice_equals(plan->cells[cell].name, name))`, to: raw`	if (r->record > 1)` },

	// The report.
	{ test: sentence + 'the_report_is_the_wires_byte_for_byte', file: report, from: raw`"#: required key [%.*s] not found"`, to: raw`"#: required key %.*s not found"` },
	{ test: sentence + 'the_report_is_the_wires_byte_for_byte', file: records, from: raw`		return type == FIELD_STRING || type == FIELD_DATE`, to: raw`		return type == FIELD_NUMBER || type == FIELD_STRING || type == FIELD_DATE` },
	{ test: sentence + 'sentences_come_in_the_schemas_and_the_records_order', file: report, from: raw`		if (m->there[i])
			say_value(s, &plan->cells[i], &m->values[i]);`, to: raw`		if (m->there[plan->cell_count - 1 - i])
			say_value(s, &plan->cells[plan->cell_count - 1 - i], &m->values[plan->cell_count - 1 - i]);` },
	{ test: sentence + 'types_are_named_as_the_original_does', file: report, from: raw`		return token->kind == SCAN_NUMBER ? "Integer" : "Number";`, to: raw`		return "Integer";` },
	{ test: sentence + 'types_are_named_as_the_original_does', file: report, from: raw`	if (value == INT64_MAX && strcmp(digits, "9223372036854775807") != 0)
		return "BigInteger";
`, to: '' },
	{ test: sentence + 'a_value_that_does_not_fit_says_what_would', file: records, from: raw`		if (code == REJECT_INTEGER_FORM)
			return RECORD_TYPE;`, to: raw`		if (code != REJECT_NONE)
			return RECORD_TYPE;` },
	{ test: sentence + 'a_value_that_does_not_fit_says_what_would', file: records, from: raw`	return field->required ? REJECT_BLANK_REQUIRED : REJECT_NONE;`, to: raw`	return REJECT_NONE;` },
	{ test: sentence + 'a_value_that_does_not_fit_says_what_would', file: records, from: raw`	if (strcmp(field->name, stream->record_modified_field) == 0)
		return REJECT_BLANK_VERSION;
`, to: '' },
	{ test: sentence + 'a_blank_event_time_is_refused', file: records, from: raw`	if (strcmp(field->name, stream->event_time_field) == 0)
		return REJECT_BLANK_EVENT_TIME;
`, to: '' },
	{ test: sentence + 'good_records_are_not_listed_and_not_stored_beside_bad_ones', file: records, from: raw`	if (status != OK)
		entry->len = before;
`, to: raw`	(void)before;
` },
	{ test: sentence + 'a_record_that_is_no_object_is_named_by_its_type', file: report, from: raw`		return "Null";`, to: raw`		return "null";` },
	{ test: sentence + 'a_long_extraneous_key_is_cut', file: report, from: raw`#define KEY_BYTES_MAX       200`, to: raw`#define KEY_BYTES_MAX       2000` },
	{ test: sentence + 'the_report_is_bounded_and_its_count_exact', file: report, from: raw`	if (w->report->count++ > w->listed)
		return OK;`, to: raw`	if (w->report->count > w->listed)
		return OK;
	w->report->count++;` },
	{ test: sentence + 'the_report_is_bounded_and_its_count_exact', file: report, from: raw`	    w->report->json.len + w->entry.len + TAIL_BYTES <= RECORD_REPORT_BYTES_MAX) {`, to: raw`	    w->report->json.len <= RECORD_REPORT_BYTES_MAX) {` },
	{ test: sentence + 'a_record_says_so_many_sentences_and_how_many_more', file: report, from: raw`	if (s->bytes + text->len > SENTENCES_BYTES_MAX) {`, to: raw`	if (s->bytes + text->len > 2 * SENTENCES_BYTES_MAX) {` },

	// What is no request of this form.
	{ test: unit + 'a_body_of_another_form_is_refused', file: records, from: raw`	if (r->record == 0)`, to: raw`	if (r->record > INT32_MAX)` },
	{ test: unit + 'a_body_of_another_form_is_refused', file: records, from: raw`	if (status == OK)
		status = json_scan_next(&r->scan, &token, err);
	if (status != OK)
		return status;
	if (!found)`, to: raw`	if (status != OK)
		return status;
	if (!found)` },
	{ test: unit + 'a_member_that_comes_twice_is_an_error_wherever_it_is', file: records, from: raw`	} else if (r->seen[cell] == r->record) {
		return json_scan_twice(&r->scan, key, err);
`, to: '' },
	{ test: unit + 'a_member_that_comes_twice_is_an_error_wherever_it_is', file: records, from: raw`		status = json_scan_watch(&r->scan, key, err);
		if (status != OK)
			return status;
`, to: raw`		status = OK;
` },
	{ test: unit + 'the_same_member_in_two_records_is_fine', file: scan, from: raw`	scan->keys.count = first;
`, to: '' },

	// Ids.
	{ test: deletion + 'ids_are_values_of_the_keys_type', file: ids, from: raw`		code = record_value(ids->field->type, text, &value);`, to: raw`		code = record_value(FIELD_STRING, text, &value);` },
	{ test: deletion + 'ids_that_are_none_are_refused', file: ids, from: raw`		if (status == OK && text.len == 0)
			status = ids_add(&ids, text, err);
`, to: '' },
	{ test: deletion + 'ids_that_are_none_are_refused', file: ids, from: raw`	if (status == OK && ids->count == 0)`, to: raw`	if (status == OK && ids->count > RECORD_IDS_MAX)` },
	{ test: deletion + 'two_hundred_ids_are_the_most', file: ids, from: raw`	if (++ids->count > RECORD_IDS_MAX)`, to: raw`	if (++ids->count >= RECORD_IDS_MAX)` },
	{ test: deletion + 'two_hundred_ids_are_the_most', file: ids, from: raw`	if (++ids->count > RECORD_IDS_MAX)`, to: raw`	if (++ids->count > RECORD_IDS_MAX + 1)` },
];
