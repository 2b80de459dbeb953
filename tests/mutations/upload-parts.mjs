// SPDX-License-Identifier: Apache-2.0
// How to break the uploading of parts: each entry makes the named test fail (script/prove-tests).
const raw = String.raw;
const more = 'scenario/04-upload: one byte more is refused: at once when Content-Length says so, else as soon as it is passed';
const accepted = 'scenario/04-upload: a part is accepted and counted, and its place, size, digest and time can be read';
const parts = [raw`    " WHERE job = (SELECT no FROM jobs WHERE id = ?1) ORDER BY number")`, raw`    " WHERE job = (SELECT no FROM jobs WHERE id = ?1) ORDER BY number DESC")`];
const overtaken = [raw`	if (st == E_GONE)
		respond_overtaken(`, raw`	if (st == E_EXISTS)
		respond_overtaken(`];

export default [
	{ test: accepted, file: 'src/api/parts.c', from: raw`	json_write_int(w, part->bytes);`, to: raw`	json_write_int(w, part->bytes + 1);` },
	{ test: accepted, file: 'src/catalog/catalog_sqlite_sql.def', from: raw`part_bytes = part_bytes + ?3`, to: raw`part_bytes = ?3` },
	{ test: accepted, file: 'src/api/render.c', from: raw`"/api/v1/ingest/jobs/%s/batches", job->id);`, to: raw`"/api/v1/ingest/jobs/%s/parts", job->id);` },
	{ test: accepted, file: 'src/api/upload.c', from: raw`respond_json(request, 202, &body);`, to: raw`respond_json(request, 200, &body);` },
	{ test: 'scenario/04-upload: only text/csv is taken, whatever its case and parameters', file: 'src/api/render.c', from: raw`strchr("; \t", header.ptr[length])`, to: raw`strchr(";", header.ptr[length])` },
	{ test: 'scenario/04-upload: only text/csv is taken, whatever its case and parameters', file: 'src/api/render.c', from: raw`	return slice_is_nocase((struct slice){header.ptr, length}, type);`, to: raw`	return length >= strlen(type) && strncasecmp(header.ptr, type, strlen(type)) == 0;` },
	{ test: 'scenario/04-upload: a part of 157,286,400 bytes is taken', file: 'src/api/handlers.h', from: raw`157286400`, to: raw`157286399` },
	{ test: more, file: 'src/api/handlers.h', from: raw`157286400`, to: raw`157286401` },
	{ test: more, file: 'src/http/head.c', from: raw`	if (request->length > request->body_bytes_max)`, to: raw`	if (match->route->body != HTTP_BODY_STREAM && request->length > request->body_bytes_max)` },
	{ test: 'scenario/04-upload: 100 parts are taken, the 101st is refused, and what was accepted stays', file: 'src/job/job.h', from: raw`#define JOB_PARTS_MAX    100`, to: raw`#define JOB_PARTS_MAX    101` },
	{ test: 'scenario/04-upload: of 150 parts at once, exactly 100 are taken', file: 'src/catalog/catalog_sqlite_part.c', from: raw`	if (job.part_count >= add->part_max)`, to: raw`	if (job.part_count > add->part_max)` },
	{ test: 'scenario/04-upload: Expect: 100-continue is answered with 100 when the part is wanted, and with the refusal when it is not', file: 'src/http/server_mhd.c', from: raw`	if (replied && request->has_body)`, to: raw`	if (replied && request->has_body && !is_stream(request))` },
	{ test: 'scenario/04-upload: a chunked body may be cut anywhere, down to single bytes, with extensions and trailers', file: 'src/http/upload.c', from: raw`		u->filling->used += count;`, to: raw`		u->filling->used += count > 1 ? count : 0;` },
	{ test: 'scenario/04-upload: a connection that breaks in mid-body leaves no trace', file: 'src/blob/blob.c', from: raw`	writer->ops->write_abort(writer);
	*writer_ptr = NULL;`, to: raw`	*writer_ptr = NULL;` },
	{ test: 'scenario/04-upload: parts count in the order of their acceptance, not of their beginning', file: 'src/catalog/catalog_sqlite_sql.def', from: parts[0], to: parts[1] },
	{ test: 'scenario/04-upload: of parallel parts the one that is last in the list wins', file: 'src/work/load.c', from: raw`		st = load_part(load, &parts[i], NULL, NULL, err);`, to: raw`		st = load_part(load, &parts[count - 1 - i], NULL, NULL, err);` },
	{ test: 'scenario/04-upload: a refusal reaches a client that is still sending, and one that waits before it sends', file: 'src/http/server_mhd.c', from: raw`	request->linger = request->state == REQUEST_HEAD;`, to: raw`	request->linger = false;` },
	{ test: 'scenario/04-upload: an HTTP client with a body of 20 MB sees the refusal, too', file: 'src/http/server_mhd.c', from: raw`	request->linger = request->state == REQUEST_HEAD;`, to: raw`	request->linger = false;` },
	{ test: 'scenario/04-upload: an abort during an upload answers 200 with nothing left on disk, and the upload is told 409', file: 'src/job/job.c', from: raw`	st = blob_remove(service->blob, job.id, "", err);`, to: raw`	st = blob_remove(service->blob, job.id, JOB_PART_PREFIX, err);` },
	{ test: 'scenario/04-upload: an upload whose last byte comes after the abort is told 409 and leaves nothing', file: 'src/api/upload.c', from: overtaken[0], to: overtaken[1] },
	{ test: 'scenario/04-upload: an upload that ends after the job was closed is told 409, and the job has the earlier parts only', file: 'src/api/upload.c', from: raw`	    request, 409, "job %s is %s, so it takes no more data."`, to: raw`	    request, 400, "job %s is %s, so it takes no more data."` },
	{ test: 'conformance/catalog_job_test: a_part_is_refused_past_the_limit_and_by_a_closed_job', file: 'src/catalog/catalog_sqlite_part.c', from: raw`	if (job.state != JOB_OPEN)`, to: raw`	if (job.state == JOB_ABORTED)` },
	{ test: 'scenario/12-memory: memory grows by less than 5 MB while 8 clients upload 20 MB each', file: 'src/http/request.h', from: raw`#define UPLOAD_CHUNK_BYTES 131072`, to: raw`#define UPLOAD_CHUNK_BYTES 4194304` },
	{ test: 'scenario/28-slow-uploads: 260 uploads that stand still keep no other from being taken', file: 'src/http/upload.c', from: raw`server->chunks_used > UPLOAD_CHUNKS_MANY`, to: raw`server->chunks_used > UPLOAD_CHUNKS_MAX` },
];
