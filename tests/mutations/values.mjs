// SPDX-License-Identifier: Apache-2.0
// How to break what a value may be: each entry makes the named test fail (script/prove-tests).
const raw = String.raw;
const file = 'src/convert/value.c', row = 'src/convert/row.c';
const number = 'scenario/06-values: number: exact to 20 digits before the point and 18 behind it';
const integer = 'scenario/06-values: integer: 64 bits with a sign';
const boolean = 'scenario/06-values: boolean: true, false, 1, 0';
const date = 'scenario/06-values: date: the real calendar, yyyy-MM-dd';
const dateTime = 'scenario/06-values: date-time: UTC or an offset, to microseconds, no leap second';
const string = 'scenario/06-values: string: UTF-8 as given, never trimmed';
const blankKey = 'scenario/06-values: a blank key, record modified field, event time or required field fails the record';
const leap = [raw`bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);`, raw`bool leap = year % 4 == 0 && year % 100 != 0;`];
const blank = [raw`		if (text.len == 0) {
			code = cell->if_blank;`, raw`		if (text.len == 0 && cell->type != FIELD_STRING) {
			code = cell->if_blank;`];
const version = [raw`	if (strcmp(field->name, stream->record_modified_field) == 0)
		return REJECT_BLANK_VERSION;
`, ''];
const eventTime = [raw`	if (strcmp(field->name, stream->event_time_field) == 0)
		return REJECT_BLANK_EVENT_TIME;
`, ''];

export default [
	{ test: number, file, from: raw`	if (number.whole.len == 0)
		return false;
`, to: '' },
	{ test: number, file, from: raw`#define PLACE_MAX 19`, to: raw`#define PLACE_MAX 20` },
	{ test: number, file, from: raw`	if (units - (int64_t)(end - 1) < PLACE_MIN)
		return REJECT_NUMBER_SCALE;
`, to: '' },
	{ test: number, file, from: raw`#define NUMBER_SHORT 19`, to: raw`#define NUMBER_SHORT 39` },
	{ test: 'unit/value_test: number_is_kept_exactly', file, from: raw`(text.ptr[0] == 'e' || text.ptr[0] == 'E')`, to: raw`text.ptr[0] == 'e'` },
	{ test: 'unit/value_test: number_that_is_none_or_does_not_fit_is_refused', file, from: raw`		if (number.part.len == 0)
			return false;
`, to: '' },
	{ test: integer, file, from: raw`		if (value > (limit - digit) / 10)
			return REJECT_INTEGER_RANGE;
`, to: '' },
	{ test: integer, file, from: raw`count_digits(text) != text.len)
		return REJECT_INTEGER_FORM;`, to: raw`count_digits(text) == 0)
		return REJECT_INTEGER_FORM;
	text.len = count_digits(text);` },
	{ test: 'unit/value_test: integer_is_any_of_64_bits', file, from: raw`(uint64_t)INT64_MAX + (minus ? 1 : 0)`, to: raw`(uint64_t)INT64_MAX` },
	{ test: boolean, file, from: raw`	lower = load_right(text) | EACH_BYTE(0x20);`, to: raw`	lower = load_right(text);` },
	{ test: boolean, file, from: raw`	    (text.len == 1 && text.ptr[0] == '1')) {`, to: raw`	    (text.len == 1 && text.ptr[0] == 't')) {` },
	{ test: date, file, from: leap[0], to: leap[1] },
	{ test: date, file, from: raw`	if (text.len != 10 || !take_shape`, to: raw`	if (text.len < 10 || !take_shape` },
	{ test: 'unit/value_test: date_agrees_with_the_clock_about_every_day', file, from: leap[0], to: leap[1] },
	{ test: dateTime, file, from: raw`m.second > 59`, to: raw`m.second > 60` },
	{ test: dateTime, file, from: raw`m.minute - m.sign *`, to: raw`m.minute + m.sign *` },
	{ test: dateTime, file, from: raw`	kept = n < 6 ? n : 6;`, to: raw`	kept = n < 3 ? n : 3;` },
	{ test: dateTime, file, from: raw`		return p[0] == 'Z';`, to: raw`		return p[0] == 'Z' || p[0] == 'z';` },
	{ test: dateTime, file, from: leap[0], to: leap[1] },
	{ test: 'scenario/06-values: a blank value is NULL, for every type, quoted or not', file: row, from: blank[0], to: blank[1] },
	{ test: 'unit/row_test: blank_is_null_for_every_type', file: row, from: blank[0], to: blank[1].replace('FIELD_STRING', 'FIELD_DATE') },
	{ test: 'unit/row_test: blank_string_is_null_too', file: row, from: blank[0], to: blank[1] },
	{ test: blankKey, file: row, from: raw`	if (strcmp(field->name, stream->primary_key) == 0)
		return REJECT_BLANK_KEY;
`, to: '' },
	{ test: blankKey, file: row, from: version[0], to: version[1] },
	{ test: blankKey, file: row, from: eventTime[0], to: eventTime[1] },
	{ test: blankKey, file: row, from: raw`	return field->required ? REJECT_BLANK_REQUIRED : REJECT_NONE;`, to: raw`	return REJECT_NONE;` },
	{ test: 'scenario/07-meaning: record modified: a blank one fails the record and changes nothing', file: row, from: version[0], to: version[1] },
	{ test: 'unit/row_test: event_time_must_not_be_blank', file: row, from: eventTime[0], to: eventTime[1] },
	{ test: string, file: row, from: raw`		((struct slice *)column->values)[row] = text;`, to: raw`		while (text.len > 1 && text.ptr[text.len - 1] == ' ')
			text.len--;
		((struct slice *)column->values)[row] = text;` },
	{ test: string, file, from: raw`	if (!utf8_is_valid(text))
		return REJECT_UTF8;
`, to: '' },
	{ test: string, file, from: raw`memchr(text.ptr, '\0', text.len) == NULL ? REJECT_NONE : REJECT_NUL;`, to: raw`REJECT_NONE;` },
	{ test: 'unit/value_test: string_is_utf8_without_nul', file, from: raw`	if (!utf8_is_valid(text))
		return REJECT_UTF8;
`, to: '' },
	{ test: 'unit/value_test: string_is_utf8_without_nul', file, from: raw`memchr(text.ptr, '\0', text.len) == NULL ? REJECT_NONE : REJECT_NUL;`, to: raw`REJECT_NONE;` },
	{ test: 'scenario/06-values: a key of any type is one key however it is written', file: 'src/lake/lake_duckdb_load.c', from: raw`	if (load->keys.may_repeat)`, to: raw`	if (load->keys.may_repeat && load->base.types[load->base.key] == FIELD_STRING)` },
	{ test: 'scenario/06-values: a key of any type is one key however it is written', file, from: raw`	kept = n < 6 ? n : 6;`, to: raw`	kept = n < 3 ? n : 3;` },
];
