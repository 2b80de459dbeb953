// SPDX-License-Identifier: Apache-2.0
// How to break gzip, digests and keys of uploads: each entry makes the named test fail (script/prove-tests).
const gunzip = 'src/base/gunzip.c', digest = 'src/base/digest.c', header = 'src/http/content_digest.c';
const upload = 'src/api/upload.c', head = 'src/api/upload_head.c', body = 'src/api/upload_body.c';
const extras = (title) => `scenario/14-upload-extras: ${title}`, repeats = (title) => `scenario/14-upload-repeats: ${title}`;
const noKey = { file: upload, from: 'strcpy(part.key, upload->head.key);', to: '' };

export default [
	{ test: 'unit/gunzip_test: members_are_unpacked_however_they_are_split', file: gunzip, from: '(15 + 16)', to: '15' },
	{ test: 'unit/gunzip_test: members_that_follow_each_other_are_one_text', file: gunzip, from: 'gunzip->inside = false;', to: 'gunzip->inside = false;\n\t\tz->avail_in = 0;' },
	{ test: 'unit/gunzip_test: what_ends_too_early_is_refused_wherever_it_ends', file: gunzip, from: 'if (gunzip->inside)', to: 'if (gunzip->in < 20)' },
	{ test: 'unit/gunzip_test: what_stands_behind_a_member_is_refused', file: gunzip, from: 'gunzip->inside = false;', to: 'gunzip->inside = false;\n\t\tz->avail_in = 0;' },
	{ test: 'unit/gunzip_test: what_is_not_gzip_is_refused', file: gunzip, from: 'if (no_header)\n', to: 'if (no_header && gunzip->out > 0)\n' },
	{ test: 'unit/gunzip_test: no_flipped_bit_changes_the_text', file: gunzip, from: 'default:\n', to: 'default:\n\t\tz->avail_in = 0;\n\t\tgunzip->inside = false;\n\t\tif (gunzip->in > 18)\n\t\t\treturn OK;\n' },
	{ test: 'unit/gunzip_test: long_texts_come_in_pieces_of_fixed_size', file: gunzip, from: '#define SLICE_BYTES 65536', to: '#define SLICE_BYTES 131072' },
	{ test: 'unit/gunzip_test: no_more_than_the_limit_comes_out', file: gunzip, from: 'if (count > left)', to: 'if (count > left + 1)' },
	{ test: 'unit/gunzip_test: a_bomb_is_unpacked_as_far_as_the_limit_only', file: gunzip, from: '#define SLICE_BYTES 65536', to: '#define SLICE_BYTES (1 << 22)' },
	{ test: 'unit/gunzip_test: members_share_the_limit', file: gunzip, from: 'gunzip->out += count;', to: 'gunzip->out = z->total_out;' },
	{ test: 'unit/gunzip_test: a_piece_that_is_not_taken_ends_the_feed', file: gunzip, from: 'if (st != OK)\n\t\t\treturn st;\n\t}\n\t*ret_ended', to: '(void)st;\n\t}\n\t*ret_ended' },
	{ test: 'unit/gunzip_test: nothing_to_destroy_is_fine', file: gunzip, from: '*gunzip = NULL;', to: '' },

	{ test: 'unit/digest_test: digests_are_those_of_sha256sum_and_sha512sum', file: digest, from: 'EVP_sha256() : EVP_sha512()', to: 'EVP_sha256() : EVP_sha384()' },
	{ test: 'unit/digest_test: nothing_to_destroy_is_fine', file: digest, from: 'if (*digest == NULL)\n\t\treturn;', to: '' },
	{ test: 'conformance/blob_test: a_writer_tells_what_it_has_so_far_and_goes_on', file: 'src/blob/blob.c', from: 'struct blob_info info = {.bytes = writer->bytes};', to: 'struct blob_info info = {.bytes = 0};' },

	{ test: 'unit/content_digest_test: digests_are_read', file: header, from: "if (!take(&in, ','))", to: "if (!take(&in, '&'))" },
	{ test: 'unit/content_digest_test: parameters_and_other_algorithms_are_ignored', file: header, from: "while (st == OK && take(in, ';'))", to: 'while (false)' },
	{ test: 'unit/content_digest_test: loose_base64_is_read', file: header, from: '(padding > 0 && (chars + padding) % 4 != 0)', to: '(chars + padding) % 4 != 0' },
	{ test: 'unit/content_digest_test: of_two_digests_by_one_algorithm_the_later_counts', file: header, from: 'if (st == OK && algorithm < DIGEST_ALGORITHM_COUNT) {', to: 'if (st == OK && algorithm < DIGEST_ALGORITHM_COUNT && !digests->given[algorithm]) {' },
	{ test: 'unit/content_digest_test: several_lines_are_one_list', file: header, from: 'struct content_digest parsed = *digests;', to: 'struct content_digest parsed = {.given = {false}};' },
	{ test: 'unit/content_digest_test: what_is_malformed_is_refused_and_changes_nothing', file: header, from: 'return refuse(&in, "nothing follows the last comma", err);', to: 'break;' },
	{ test: 'unit/content_digest_test: what_is_malformed_is_refused_and_changes_nothing', file: header, from: 'count != digest_bytes(algorithm)', to: 'count < digest_bytes(algorithm)' },
	{ test: 'unit/content_digest_test: digests_are_written_as_they_are_read', file: header, from: "digits[three >> 6 & 63] : '='", to: "digits[three >> 6 & 63] : 'A'" },

	{ test: extras('a gzip part counts as what it unpacks to, whatever the spelling and the number of members'), file: 'src/http/request.c', from: ' || slice_is_nocase(coding, "x-gzip")', to: '' },
	{ test: extras('a gzip part counts as what it unpacks to, whatever the spelling and the number of members'), file: gunzip, from: 'gunzip->inside = false;', to: 'gunzip->inside = false;\n\t\tz->avail_in = 0;' },
	{ test: extras('any other coding, and more than one, is 415 before the body is read, and the answer says what is taken'), file: head, from: 'respond_header(request, "Accept-Encoding", "gzip");', to: '' },
	{ test: extras('any other coding, and more than one, is 415 before the body is read, and the answer says what is taken'), file: 'src/http/request.c', from: 'request_header_line(request, "Content-Encoding", 1,', to: 'request_header_line(request, "Content-Encoding", 2,' },
	{ test: extras('a gzip body may come in chunks of one byte, after a 100'), file: body, from: 'if (body->gunzip != NULL)\n\t\treturn', to: 'if (body->gunzip != NULL && bytes.len > 4096)\n\t\treturn' },
	{ test: extras('gzip that is not in order is 400 with what is wrong and where, and leaves nothing'), file: body, from: 'if (st == OK && body->gunzip != NULL)\n\t\tst = gunzip_finish(body->gunzip, err);', to: '' },
	{ test: extras('the limit is of what comes out, to the byte: 157,286,400 are taken, packed well or not at all; one more is 413'), file: body, from: 'gunzip_create(API_PART_BYTES_MAX,', to: 'gunzip_create(API_PART_BYTES_MAX + 1,' },
	{ test: extras('the limit is of what comes out, to the byte: 157,286,400 are taken, packed well or not at all; one more is 413'), file: body, from: 'gunzip_create(API_PART_BYTES_MAX,', to: 'gunzip_create(API_PART_BYTES_MAX - 1,' },
	{ test: extras('the limit is of what comes out, to the byte: 157,286,400 are taken, packed well or not at all; one more is 413'), file: 'src/api/handlers.h', from: '#define API_PART_GZIP_EXTRA_BYTES 1048576', to: '#define API_PART_GZIP_EXTRA_BYTES 1024' },
	{ test: extras('the limit of what is sent stays as it is without gzip, and is 1 MiB more with it'), file: 'src/api/handlers.h', from: '#define API_PART_GZIP_EXTRA_BYTES 1048576', to: '#define API_PART_GZIP_EXTRA_BYTES 1048577' },
	{ test: extras('the limit of what is sent stays as it is without gzip, and is 1 MiB more with it'), file: 'src/http/head.c', from: 'request_coding(request) == HTTP_CODING_NONE ? 0 : route->coded_extra_bytes', to: 'route->coded_extra_bytes' },
	{ test: extras('a bomb is cut off, and gzip that turns bad in mid-body refused, while the client is still sending'), file: upload, from: 'enum status st = upload_body_add(&upload->body, bytes, &err);\n\n\tif (st != OK)', to: 'enum status st = upload_body_add(&upload->body, bytes, &err);\n\n\tif (st == E_GONE)' },
	{ test: extras('a part that is as its digest says is taken: of what was sent, by every algorithm known, others ignored'), file: body, from: '(head->packed || a != DIGEST_SHA256)', to: 'a != DIGEST_SHA256' },
	{ test: extras('a digest that is not that of the body is 400 with its algorithm and both digests, and leaves nothing'), file: body, from: 'memcmp(sent, expected, digest_bytes(algorithm)) == 0', to: 'memcmp(sent, expected, digest_bytes(algorithm) / 64) == 0' },
	{ test: extras('a digest that is not that of the body is 400 with its algorithm and both digests, and leaves nothing'), file: upload, from: 'upload_body_fini(&upload->body);\n\tif (st != OK) {', to: 'if (st != OK) {' },
	{ test: extras('a malformed digest is 400 before the body is read; one in a trailer is ignored'), file: head, from: 'request_header_line(request, "Content-Digest", i, &line); i++', to: 'i < 1 && request_header_line(request, "Content-Digest", i, &line); i++' },
	{ test: 'scenario/12-memory: memory grows by less than 5 MB while 8 clients upload gzip that unpacks to 40 MB each', file: gunzip, from: '#define SLICE_BYTES 65536', to: '#define SLICE_BYTES (8 << 20)' },

	{ test: 'scenario/04-upload: a refusal reaches a client that is still sending, and one that waits before it sends', file: 'src/api/api.c', from: 'respond_error(request, 403,', to: 'respond_error(request, 401,' },

	{ test: repeats('a repeated upload is answered as the first was, packed or not, and the job has one part of it'), ...noKey },
	{ test: repeats('other content under the same key is 409, whatever its length, and changes nothing'), file: upload, from: 'if (!is_same(part, info)) {', to: 'if (part->bytes != (int64_t)info->bytes) {' },
	{ test: repeats('a repeat is still held against its digest, its coding and its limit'), file: body, from: 'if (body->expected.given[a])', to: 'if (body->expected.given[a] && body->writer != NULL)' },
	{ test: repeats('a key is of one job, and may be any 1 to 255 printable characters; others are 400 before the body is read'), file: head, from: '#define KEY_BYTES_MAX (CATALOG_KEY_BYTES - 1)', to: '#define KEY_BYTES_MAX (CATALOG_KEY_BYTES - 2)' },
	{ test: repeats('a key is of one job, and may be any 1 to 255 printable characters; others are 400 before the body is read'), file: head, from: "text.ptr[i] < ' '", to: "text.ptr[i] < '\\t'" },
	{ test: repeats('a key is of one job, and may be any 1 to 255 printable characters; others are 400 before the body is read'), file: head, from: '"Idempotency-Key", 1, &other', to: '"Idempotency-Key", 2, &other' },
	{ test: repeats('a repeat is 202 when the job has its 100 parts, is closed, and is finished; a new key is not'), file: upload, from: 'return upload->repeated || takes_parts(request, job);', to: 'return takes_parts(request, job);' },
	{ test: repeats('a repeat is 409 once the job is aborted, also when that happens in its middle'), file: upload, from: 'if (find_living_job(request, upload->job.id, &job))', to: 'job.part_count = 0;\n\tif (job.part_count == 0)' },
	{ test: repeats('a repeat is 409 once the job is aborted, also when that happens in its middle'), file: upload, from: 'upload->repeated = st == OK && job->state != JOB_ABORTED;', to: 'upload->repeated = st == OK;' },
	{ test: repeats('of many at once with one key one is stored, and all are told 202'), file: upload, from: 'if (st == E_EXISTS)\n\t\trespond_repeated(request, upload, &part, info);\n\telse if (st == E_CONFLICT)', to: 'if (st == E_CONFLICT)' },
	{ test: repeats('of two with one key that overlap, the one that ends later is told 202, or 409 for other content'), file: upload, from: 'respond_repeated(request, upload, &part, info);\n\telse if (st == E_CONFLICT)', to: 'respond_accepted(request);\n\telse if (st == E_CONFLICT)' },
	{ test: repeats('of two with one key that overlap, the one that ends later is told 202, or 409 for other content'), file: upload, from: 'if (st == E_IO)', to: 'if (st == E_IO || st == E_EXISTS)' },
	{ test: repeats('a repeat that the end of its job overtakes is told to come again, and then 202'), file: upload, from: 'if (st == E_NOT_FOUND)\n\t\trespond_closed(request, job.id, job.state);', to: 'if (st == E_NOT_FOUND || st == OK)\n\t\trespond_closed(request, job.id, job.state);' },
	{ test: repeats('sluice load tries a part again whose answer got lost, and the job has it once'), file: 'src/cli/client.c', from: '"Idempotency-Key", request->idempotency_key', to: '"X-Key", request->idempotency_key' },

	{ test: 'crash/points: upload.stored:2: a client that did not see the answer repeats its upload with its key, and there is one part', ...noKey },
	{ test: 'crash/points: upload.accepted:2: a client that did not see the answer repeats its upload with its key, and there is one part', ...noKey },
	{ test: 'crash/points: upload.stored:3: of two uploads with one key the second dies before it learns of the first, and leaves nothing', file: 'src/job/recover.c', from: 'names->recovery->removed++;\n\treturn blob_remove(', to: 'return names->count > 0 ? OK : blob_remove(' },
];
