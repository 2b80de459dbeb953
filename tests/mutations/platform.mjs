// SPDX-License-Identifier: Apache-2.0
// How to break the platform's endpoints: each entry makes the named test fail (script/prove-tests).
const platform = 'src/api/platform.c', soql = 'src/api/soql.c', respond = 'src/http/respond.c', origin = 'src/api/origin.c';
const test = (title) => `scenario/48-platform: ${title}`;
const raw = String.raw;

export default [
	{ test: test('a token is told whose it is, the same in each way to ask'), file: platform, from: raw`snprintf(ret_text, CATALOG_USER_BYTES, "%.*sAAA", SLICE_ARGS(id));`, to: raw`snprintf(ret_text, CATALOG_USER_BYTES, "%.*sAAB", SLICE_ARGS(id));` },
	{ test: test('a token is told whose it is, the same in each way to ask'), file: origin, from: raw`	buffer_put(out, api_host(request));`, to: raw`	buffer_put_text(out, "localhost");` },
	{ test: test('a name that is an address is an address'), file: platform, from: raw`	return strchr(name, '@') != NULL ? name : NULL;`, to: raw`	return strchr(name, '@') == NULL ? name : NULL;` },
	{ test: test('organisation and users stay who they are, and other directories are others'), file: 'src/catalog/catalog_sqlite_schema.h', from: raw`VALUES ('00D' || lower(hex(randomblob(6))) || 'EAA')`, to: raw`VALUES ('00D' || '000000000001' || 'EAA')` },
	{ test: test('versions are listed without a token, by their names'), file: platform, from: raw`count / VERSIONS_A_YEAR + (season == 2)`, to: raw`count / VERSIONS_A_YEAR` },
	{ test: test('versions are listed without a token, by their names'), file: platform, from: raw`		if (slice_is(given, ret_text))`, to: raw`		if (slice_is_nocase(given, ret_text))` },
	{ test: test('SOQL answers what the organisation is called, however it is spelled'), file: soql, from: raw`	if (token.len > 0)
		return expect("the end of the query", token, err);`, to: '' },
	{ test: test('SOQL answers what the organisation is called, however it is spelled'), file: platform, from: raw`	has_record = soql.limit > 0;`, to: raw`	has_record = true;` },
	{ test: test('errors below /services/data have the form of the platform, and only there'), file: respond, from: raw`	return i == path.len || path.ptr[i] == '/';`, to: raw`	return true;` },
	{ test: test('errors below /services/data have the form of the platform, and only there'), file: respond, from: raw`		while (i > 0 && i + 1 < path.len && path.ptr[i - 1] == '/' && path.ptr[i] == '/')
			i++;`, to: '' },
];
