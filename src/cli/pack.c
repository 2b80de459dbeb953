/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records packed into bodies: see pack.h.
 *
 * The body is written as records come, a comma before each but the first, and lacks only its two
 * last bytes, which pack_body puts behind it without counting them in.
 */
#include "cli/pack.h"

#include <assert.h>
#include <stdlib.h>

#define TAIL       "]}"
#define TAIL_BYTES 2

enum status pack_init(struct pack *pack, const struct pack_options *options, struct err *err)
{
	assert(options->count_max > 0);
	*pack = (struct pack){.options = *options};
	buffer_init(&pack->body, options->bytes_max);
	buffer_printf(&pack->body, "{\"%s\":[", options->member);
	pack->head_bytes = pack->body.len;
	assert(pack->head_bytes + TAIL_BYTES < options->bytes_max);
	if (pack->body.failed ||
	    buffer_reserve(&pack->body, options->bytes_max - pack->head_bytes) == NULL)
		return err_set(err, E_NOMEM, "no memory for a request");
	return OK;
}

void pack_fini(struct pack *pack)
{
	buffer_fini(&pack->body);
	free(pack->records);
	*pack = (struct pack){0};
}

size_t pack_record_bytes_max(const struct pack *pack)
{
	return pack->options.bytes_max - pack->head_bytes - TAIL_BYTES;
}

static bool grow(struct pack *pack)
{
	size_t room = pack->room == 0 ? 256 : pack->room * 2;
	struct pack_record *records = realloc(pack->records, room * sizeof(*records));

	if (records == NULL)
		return false;
	pack->records = records;
	pack->room = room;
	return true;
}

bool pack_add(struct pack *pack, struct slice record, uint64_t line)
{
	size_t comma = pack->count > 0 ? 1 : 0;

	if (pack->count == pack->options.count_max ||
	    pack->body.len + comma + record.len + TAIL_BYTES > pack->options.bytes_max)
		return false;
	if (pack->count == pack->room && !grow(pack)) {
		pack->body.failed = true;
		return true;
	}
	if (comma)
		buffer_put_char(&pack->body, ',');
	pack->records[pack->count++] = (struct pack_record){pack->body.len, record.len, line};
	buffer_put(&pack->body, record);
	return true;
}

enum status pack_body(struct pack *pack, struct slice *ret_body, struct err *err)
{
	size_t length = pack->body.len;

	buffer_put_text(&pack->body, TAIL);
	if (pack->body.failed)
		return err_set(err, E_NOMEM, "no memory for a request");
	*ret_body = buffer_slice(&pack->body);
	pack->body.len = length;
	return OK;
}

struct slice pack_record(const struct pack *pack, size_t i)
{
	assert(i < pack->count);
	return (struct slice){pack->body.ptr + pack->records[i].offset, pack->records[i].bytes};
}

void pack_keep(struct pack *pack, const bool *keep)
{
	char *body = pack->body.ptr;
	size_t kept = 0, to = pack->head_bytes;

	for (size_t i = 0; i < pack->count; i++) {
		struct pack_record record = pack->records[i];

		if (!keep[i])
			continue;
		if (kept > 0)
			body[to++] = ',';
		memmove(body + to, body + record.offset, record.bytes);
		record.offset = to;
		to += record.bytes;
		pack->records[kept++] = record;
	}
	pack->count = kept;
	pack->body.len = to;
}

void pack_clear(struct pack *pack)
{
	pack->count = 0;
	pack->body.len = pack->head_bytes;
}
