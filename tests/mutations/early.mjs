// SPDX-License-Identifier: Apache-2.0
// How to break loading ahead of the close: each entry makes the named test fail (script/prove-tests).
const early = 'src/work/early.c', load = 'src/work/load.c', upload = 'src/api/upload.c', dir = 'src/blob/blob_dir.c', stream = 'src/schema/stream.c';
const story = (title) => `scenario/49-early: ${title}`, blob = (name) => `conformance/blob_test: ${name}`;
const raw = String.raw;

export default [
	{ test: story('a part is loaded before its job is closed, and lands at the close'), file: early, from: raw`	if (early->state == EARLY_IDLE && !early->is_dropped`, to: raw`	if (early->state == EARLY_NONE && !early->is_dropped` },
	{ test: story('a part is loaded before its job is closed, and lands at the close'), file: upload, from: raw`upload->body.bytes >= EARLY_BYTES_MIN`, to: raw`upload->body.bytes >= 100 * EARLY_BYTES_MIN` },
	{ test: story('small parts behind a large one are loaded, too'), file: load, from: raw`	load->done[load->done_count++] = *part;`, to: raw`	load->done_count++;` },
	{ test: story('an abort throws away what was loaded'), file: early, from: raw`	if (strcmp(early->job.id, job_id) == 0) {
		early->is_dropped = true;
		cond_broadcast`, to: raw`	if (strcmp(early->job.id, job_id) == 1000) {
		early->is_dropped = true;
		cond_broadcast` },
	{ test: story('a job that is closed first lands first, and what was loaded before it is loaded again'), file: early, from: raw`		else if (load_is_in_the_way(early->load)) /* takes a leaf's lock, and no time */
			end = "it is in the way";`, to: raw`		else if (load_is_in_the_way(early->load)) /* takes a leaf's lock, and no time */
			end = NULL;` },
	{ test: story('keys that come twice and rows that fail come out as if nothing was early'), file: load, from: raw`		load->is_not_direct = load->is_direct;
	batch_reset`, to: raw`		load->is_not_direct = false;
	batch_reset` },
	{ test: story('an upload that breaks off leaves nothing of what was loaded of it'), file: early, from: raw`	is_lost = upload->has_ended && !upload->is_part;`, to: raw`	is_lost = false;` },
	{ test: `unit/stream_test: a_stream_is_the_same_only_with_the_same_settings_and_document`, file: stream, from: raw` && a->revision == b->revision`, to: '' },
	{ test: `unit/stream_test: a_stream_is_the_same_only_with_the_same_settings_and_document`, file: stream, from: raw`	       a->category == b->category && `, to: raw`	       ` },
	{ test: story('a document that changes before the close counts'), file: load, from: raw`	enum status st = find_object(load, err);

	if (st == OK)`, to: raw`	enum status st = find_object(load, err);

	load->counts.records_failed = 1;
	if (st == OK)` },
	{ test: blob('a_follower_reads_what_was_written_and_later_what_came_behind'), file: dir, from: raw`	reader->file = openat(writer->folder, writer->tmp, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);`, to: raw`	reader->file = openat(writer->folder, writer->tmp, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	lseek(reader->file, 1, SEEK_SET);` },
	{ test: blob('following_in_a_removed_group_says_gone'), file: dir, from: raw`		st = errno == ENOENT ? err_set(err, E_GONE, "the group was removed")
				     : err_errno(err, errno, "open");
	if (st != OK) {
		free(reader);`, to: raw`		st = errno == ESRCH ? err_set(err, E_GONE, "the group was removed")
				     : err_errno(err, errno, "open");
	if (st != OK) {
		free(reader);` },
];
