// SPDX-License-Identifier: Apache-2.0
// How to break the form of errors, the limits of a head, and what the walk over every route finds: each entry makes the named
// test fail (script/prove-tests).
const api = 'src/api/api.c', controls = 'src/api/test_controls.c', openapi = 'src/api/openapi.yaml', head = 'src/http/head.c', respond = 'src/http/respond.c', router = 'src/http/router.c', mhd = 'src/http/server_mhd.c', refuse = 'src/http/server_mhd_refuse.c';

export default [
	{ test: 'scenario/17-every-route: without a token every path and method is 401', file: api, from: 'if (route != NULL && route->open)', to: 'if (route == NULL || route->open)' },
	{ test: 'scenario/17-every-route: without a token every path and method is 401', file: respond, from: 'if (status == 401 && !has_header', to: 'if (status == 402 && !has_header' },
	{ test: 'scenario/17-every-route: a token without the scope is 403', file: api, from: '(route->scopes & token->scopes) != route->scopes', to: '(route->scopes & token->scopes) > route->scopes' },
	{ test: 'scenario/17-every-route: a method that a path lacks is 405 with Allow', file: head, from: 'm == HTTP_GET ? ", HEAD" : "");', to: 'm == HTTP_GET ? "" : "");' },
	{ test: 'scenario/17-every-route: a right request is taken, by each route', file: 'src/api/streams.c', from: 'created ? 201 : 200', to: 'created ? 201 : 201' },
	{ test: 'scenario/17-every-route: a HEAD is a GET without its body', file: router, from: 'if (strcmp(name, "HEAD") == 0)', to: 'if (strcmp(name, "HEADS") == 0)' },
	{ test: 'scenario/17-every-route: JSON is taken under any Content-Type, a part only under its own', file: 'src/api/upload_head.c', from: 'api_media_type_is(type, "text/csv")', to: 'api_media_type_is(type, "text/plain")' },
	{ test: 'scenario/17-every-route: JSON is taken under any Content-Type, a part only under its own', file: 'src/api/render.c', from: 'if (json_parse(request_body(request), &value, &err) != OK) {',
		to: 'struct slice type;\n\n\tif ((request_header(request, "Content-Type", &type) && !api_media_type_is(type, "application/json")) || json_parse(request_body(request), &value, &err) != OK) {' },
	{ test: 'scenario/17-every-route: no body, and one that is not one JSON object, are 400', file: 'src/base/json.c', from: 'JSON_REJECT_DUPLICATES', to: '0' },
	{ test: 'scenario/17-every-route: no body, and one that is not one JSON object, are 400', file: 'src/base/json.c', from: 'JSON_REJECT_DUPLICATES', to: 'JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK' },
	{ test: 'scenario/17-every-route: a request whose end is in doubt is 400', file: head, from: 'if (framing->lengths > 1)', to: 'if (framing->lengths > 2)' },
	{ test: 'scenario/17-every-route: a body of one byte more than its route takes is 413, and no sooner', file: head, from: 'request->length > request->body_bytes_max)', to: 'request->length > request->body_bytes_max + 1)' },
	{ test: 'scenario/17-every-route: a body of one byte more than its route takes is 413, and no sooner', file: mhd, from: 'bytes.len > request->body_bytes_max - request->received', to: 'bytes.len >= request->body_bytes_max - request->received' },
	{ test: 'scenario/17-every-route: a target of 8,193 bytes is 414, and one of 8,192 is not', file: head, from: 'request->target.len > HTTP_TARGET_BYTES_MAX', to: 'request->target.len >= HTTP_TARGET_BYTES_MAX' },
	{ test: 'scenario/17-every-route: headers that are too long are 431, before the token is looked at', file: head, from: 'length > HTTP_HEADER_BYTES_MAX ||', to: 'length > HTTP_HEADER_BYTES_MAX + 1 ||' },
	{ test: 'scenario/17-every-route: headers that are too long are 431, before the token is looked at', file: head, from: '|| sum > HTTP_HEADERS_BYTES_MAX', to: '|| sum > 2 * HTTP_HEADERS_BYTES_MAX' },
	{ test: 'scenario/17-every-route: unknown and empty query parameters, repeated slashes and one at the end change nothing', file: router, from: "while (begin < rest->len && rest->ptr[begin] == '/')", to: "if (begin < rest->len && rest->ptr[begin] == '/')" },
	{ test: 'scenario/17-every-route: what a path names and is not there is 404', file: respond, from: '"The requested resource doesn\'t exist: "', to: '"The requested resource does not exist: "' },
	{ test: 'scenario/17-every-route: a path with broken escapes, or a NUL, is 400', file: router, from: 'if (value == 0)\n\t\t\t\treturn', to: 'if (value == 256)\n\t\t\t\treturn' },
	{ test: 'scenario/17-every-route: what the state of a thing forbids is 409', file: respond, from: '"The request conflicts with current state of the target resource: "', to: '"The request conflicts with the state of the target resource: "' },
	{ test: 'scenario/17-every-route: what the state of a thing forbids is 409', file: respond, from: 'buffer_put_text(&uri, "uri=");', to: 'buffer_put_text(&uri, "uri: ");' },
	{ test: 'scenario/17-every-route: every status that the source can answer is met in the walk, or in a named test', file: 'src/api/streams.c', from: 'respond_error(request, 409, "%s.", err.text);', to: 'respond_error(request, 412, "%s.", err.text);' },

	{ test: 'unit/http_refusal_test: a_head_may_have_its_limits_and_not_one_byte_more', file: head, from: 'request->target.len > HTTP_TARGET_BYTES_MAX', to: 'request->target.len > HTTP_TARGET_BYTES_MAX + 1' },
	{ test: 'unit/http_refusal_test: a_head_may_have_its_limits_and_not_one_byte_more', file: head, from: 'length > HTTP_HEADER_BYTES_MAX ||', to: 'length >= HTTP_HEADER_BYTES_MAX ||' },
	{ test: 'unit/http_refusal_test: a_head_may_have_its_limits_and_not_one_byte_more', file: head, from: '|| sum > HTTP_HEADERS_BYTES_MAX', to: '|| sum >= HTTP_HEADERS_BYTES_MAX' },
	{ test: 'unit/http_refusal_test: a_head_may_have_its_limits_and_not_one_byte_more', file: head, from: 'request->headers[i].value.len + 4;', to: 'request->headers[i].value.len + 3;' },
	{ test: 'unit/http_refusal_test: what_the_library_refuses_comes_in_the_envelope_too', file: refuse, from: '\tshutdown(socket_of(mhd), SHUT_WR);\n', to: '' },
	{ test: 'unit/http_refusal_test: what_the_library_refuses_comes_in_the_envelope_too', file: refuse, from: 'if (!connection->refused)', to: 'if (!connection->refused && status != 431)' },
	{ test: 'unit/http_refusal_test: what_the_library_refuses_comes_in_the_envelope_too', file: refuse, from: 'if (status == 500)', to: 'if (status == 501)' },
	{ test: 'unit/http_refusal_test: who_still_sends_gets_the_refusal_whole', file: mhd, from: '\tif (connection->refused)\n\t\tlinger_add', to: '\tif (connection == NULL)\n\t\tlinger_add' },
	{ test: 'unit/http_refusal_test: a_server_may_stop_while_the_library_refuses', file: refuse, from: 'if (!server_enter(connection->server))\n\t\treturn MHD_NO;', to: 'if (!server_enter(connection->server))\n\t\treturn library_queue(mhd, status, page);' },
	{ test: 'scenario/11-bad-input: a query of thousands of parameters is read like any other, up to the length of a target', file: mhd, from: "*parameter = '_';", to: 'parameter++;' },
	{ test: 'unit/http_refusal_test: an_error_comes_in_the_wires_envelope', file: respond, from: '"a360/local"', to: '"local"' },
	{ test: 'scenario/11-bad-input: more connections than --connections wait, and it goes on when they leave, in the middle of whatever', file: mhd, from: '\tnotice_close(mhd);\n', to: '' },

	// The routes of the test controls.
	{ test: 'scenario/17-every-route: a right request is taken, by each route', file: controls, from: 'respond_rule(request, 201, &rule);', to: 'respond_rule(request, 200, &rule);' },
	{ test: 'scenario/17-every-route: what the state of a thing forbids is 409', file: controls, from: 'respond_error(request, 409, "%s; remove some.", err.text);', to: 'respond_error(request, 400, "%s; remove some.", err.text);' },
	{ test: 'scenario/17-every-route: without --test-controls their routes are 404, to those who may use them', file: controls, from: '\tif (api->faults != NULL)\n', to: '\tif (api->faults != NULL || request_method(request) == HTTP_GET)\n' },
	{ test: 'scenario/17-every-route: without --test-controls their routes are 404, to those who may use them', file: 'src/api/routes.def', from: 'ROUTE(GET, "/api/v1/test/clock", SCOPE_ADMIN,', to: 'ROUTE(GET, "/api/v1/test/clock", 0,' },
	{ test: 'scenario/19-openapi: its paths and methods are those of routes.def', file: openapi, from: 'advanceSeconds: {type: integer, minimum: 0,', to: 'advanceSeconds: {type: integer, minimum: 1,' },
	{ test: 'scenario/19-openapi: the schema of a rule has the members that the server takes, and no others', file: openapi, from: 'afterBytes: {type: integer, minimum: 0, maximum: 1000000000, default: 0,', to: 'afterByte: {type: integer, minimum: 0, maximum: 1000000000, default: 0,' },
	{ test: 'scenario/19-openapi: the schema of a rule has the members that the server takes, and no others', file: 'src/emulate/fault_rule.c', from: '"afterBytes", "failJob",', to: '"afterBytes", "after", "failJob",' },
	{ test: 'scenario/19-openapi: what the walk is answered is declared, to the member', file: 'src/emulate/fault_rule.c', from: 'write_number(w, "applied", rule->applied);', to: 'write_number(w, "hits", rule->applied);' },
	{ test: 'scenario/19-openapi: what the walk is answered is declared, to the member', file: controls, from: 'clock_format_ms(now, clock_now_us())', to: 'clock_format_us(now, clock_now_us())' },
];
