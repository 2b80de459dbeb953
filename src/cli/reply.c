/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers made readable: see reply.h.
 *
 * Three forms of refusal are understood: our envelope, the OAuth one, and anything else (a proxy's
 * page), of which only the code is told, for its HTML would help nobody.
 */
#include "cli/reply.h"

#include <limits.h>

#define LOGIN_HINT "; set SLUICE_TOKEN, or give --token-file, to a token that this server knows"

static enum status status_of_http(long http_status)
{
	switch (http_status) {
	case 404:
		return E_NOT_FOUND;
	case 409:
		return E_CONFLICT;
	case 429:
	case 503:
		return E_BUSY;
	default:
		return http_status >= 500 ? E_IO : E_INVALID;
	}
}

static void list_problems(const json_t *envelope, struct buffer *problems)
{
	const json_t *list = json_object_get(json_object_get(envelope, "details"), "problems");

	/* A single one stands in the message already. */
	for (size_t i = 0; json_array_size(list) > 1 && i < json_array_size(list); i++) {
		const json_t *problem = json_array_get(list, i);

		if (!json_is_string(problem))
			continue;
		buffer_put_text(problems, json_string_value(problem));
		buffer_put_char(problems, '\n');
	}
}

/* A full stop goes where a hint follows. */
static int sentence_length(const char *message, const char *hint)
{
	size_t length = strlen(message);

	if (*hint != '\0' && length > 0 && message[length - 1] == '.')
		length--;
	return length > INT_MAX ? INT_MAX : (int)length;
}

enum status reply_explain(
    long http_status, struct slice body, struct buffer *problems, struct err *err)
{
	enum status status = status_of_http(http_status);
	const char *hint = http_status == 401 ? LOGIN_HINT : "";
	const char *message, *oauth;
	json_t *envelope = NULL;

	if (json_parse(body, &envelope, NULL) != OK)
		return err_set(err, status, "the server answered %ld%s", http_status, hint);
	message = reply_text(envelope, "message");
	oauth = reply_text(envelope, "error_description");
	if (*message != '\0')
		err_set(err, status, "%.*s%s", sentence_length(message, hint), message, hint);
	else if (*oauth != '\0')
		err_set(err, status, "%s (%s)%s", oauth, reply_text(envelope, "error"), hint);
	else
		err_set(err, status, "the server answered %ld%s", http_status, hint);
	list_problems(envelope, problems);
	json_decref(envelope);
	return status;
}

const char *reply_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text == NULL ? "" : text;
}

int64_t reply_int(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}
