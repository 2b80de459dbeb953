// SPDX-License-Identifier: Apache-2.0
// How to break the journal: each entry makes the named test fail (script/prove-tests).
const dir = (name) => `src/journal/journal_dir${name}.c`;
const of = (suite) => (test, file, from, to, more = {}) => ({ test: `${suite}: ${test}`, file, from, to, ...more });
const contract = of('conformance/journal_test'), frame = of('unit/journal_frame_test'), disk = of('unit/journal_dir_test');

export default [
  contract('what_is_appended_is_read_in_order', dir('_disk'), String.raw`	off_t offset = end - log->segment;`, String.raw`	off_t offset = 0;`),
  contract('a_log_that_nothing_was_appended_to_is_empty_at_0', dir(''), String.raw`{.begin = log->begin, .end = log->end}`, String.raw`{.begin = log->begin, .end = log->end + (log->segment < 0)}`),
  contract('positions_grow_from_one_end_to_the_next', dir('_append'), String.raw`*ret_end = append.end;`, String.raw`*ret_end = append.end - append.bytes;`),
  contract('a_read_ends_where_it_is_told_to', dir('_read'), String.raw`	while (st == OK && reader.at < reader.to && reader.bytes_left > 0) {`, String.raw`	reader.to = reader.log->end;
	while (st == OK && reader.at < reader.to && reader.bytes_left > 0) {`),
  contract('a_read_gives_as_many_bytes_as_were_asked_for_and_at_least_one_entry', dir('_read'), String.raw`	while (block.len > 0 && reader->bytes_left > 0) {`, String.raw`	while (block.len > 0) {`),
  contract('a_read_gives_as_many_bytes_as_were_asked_for_and_at_least_one_entry', dir('_read'), String.raw`		reader->at += (int64_t)frame.bytes;
`, String.raw`		if (frame.entry.len > reader->bytes_left) {
			reader->to = reader->at;
			reader->bytes_left = 0;
			return OK;
		}
		reader->at += (int64_t)frame.bytes;
`),
  contract('an_entry_may_be_empty_or_hold_any_bytes_up_to_the_largest_size', dir('_recover'), String.raw`JOURNAL_FILE_BYTES + JOURNAL_ENTRY_BYTES_MAX + 4096)`, String.raw`JOURNAL_FILE_BYTES)`),
  contract('a_long_log_is_read_in_pieces_as_it_was_written', dir('_read'), String.raw`log->firsts[i] < reader->to ? log->firsts[i] : reader->to;`, String.raw`log->firsts[i] < reader->to ? log->firsts[i] - 8 : reader->to;`),
  contract('entries_stay_as_long_as_the_arena', dir('_read'), String.raw`	char *block = arena_alloc(reader->arena, bytes);`, String.raw`	static char same[JOURNAL_FILE_BYTES * 2];
	char *block = same;`),
  contract('a_read_ends_with_what_its_visitor_returns', dir('_read'), String.raw`		st = reader->visit(reader->ctx, reader->at, frame.entry, err);
		if (st != OK)
			return st;`, String.raw`		st = reader->visit(reader->ctx, reader->at, frame.entry, err);`),
  contract('logs_do_not_touch_each_other', dir('_log'), String.raw`	while (*at != NULL && strcmp((*at)->name, name) != 0)`, String.raw`	at = &dir->logs[0];
	while (*at != NULL && (*at)->name[0] == '!')`),
  contract('what_was_appended_is_there_after_a_restart', dir('_recover'), String.raw`		*ret_end = first + (int64_t)scan.whole;`, String.raw`		*ret_end = first + (int64_t)scan.group;`),
  contract('what_was_acknowledged_outlives_a_server_that_is_killed', dir('_append'), String.raw`	return journal_disk_write(dir, log, group, end, ret_stuck, err);`, String.raw`	(void)ret_stuck;
	return OK;`),
  contract('what_is_trimmed_is_not_needed_any_more', dir(''), String.raw`	log->begin = position;
}`, String.raw`}`),
  contract('a_trim_that_goes_back_changes_nothing', dir(''), String.raw`	if (position <= log->begin)
		return;`, String.raw``),
  contract('after_a_restart_the_begin_is_not_behind_what_was_trimmed', dir('_log'), String.raw`	log->begin = found.count == 0 ? 0 : found.firsts[0];`, String.raw`	log->begin = found.end;`),
  contract('no_position_comes_twice_whatever_is_trimmed', dir(''), String.raw`log->count > 1 && log->firsts[1] <= log->begin)`, String.raw`log->count > 0 && log->begin == log->end)`),
  contract('a_log_whose_files_were_lost_goes_on_where_the_lake_is', dir(''), String.raw`		if (st == OK && position > log->end)
			st = go_on`, String.raw`		if (st == OK && position > log->end && log->segment >= 0)
			st = go_on`),
  contract('a_log_takes_no_byte_more_than_it_may', dir('_append'), String.raw`	if (bytes > dir->log_bytes_max - held)`, String.raw`	if (bytes > dir->log_bytes_max - held + 1000)`),
  contract('a_log_takes_no_byte_more_than_it_may', dir('_append'), String.raw`	if (bytes > dir->log_bytes_max - held)`, String.raw`	if (bytes >= dir->log_bytes_max - held)`),
  contract('all_logs_take_no_byte_more_than_they_may', dir('_append'), String.raw`	if (bytes > dir->bytes_max - dir->bytes)`, String.raw`	if (bytes > dir->bytes_max)`),
  contract('all_logs_take_no_byte_more_than_they_may', dir('_log'), String.raw`	journal_log_count_bytes_locked(dir, log->end - log->begin);
	return OK;`, String.raw`	return OK;`),
  contract('all_logs_take_no_byte_more_than_they_may', dir(''), String.raw`	log->removed = true;
	journal_log_count_bytes_locked(dir, log->begin - log->end);`, String.raw`	log->removed = true;`),
  contract('a_removed_log_is_gone_and_takes_nothing', dir('_log'), String.raw`err_set(err, E_NOT_FOUND, "the log was removed")`, String.raw`err_set(err, E_IO, "the log was removed")`),
  contract('removing_what_is_not_there_is_fine', dir('_disk'), String.raw`	if (folder < 0 && errno != ENOENT)
		return err_errno(err, errno, "open the folder");
	if (folder >= 0) {`, String.raw`	if (folder < 0)
		return err_errno(err, errno, "open the folder");
	if (folder >= 0) {`),
  contract('a_log_is_removed_that_was_not_used_yet', dir(''), String.raw`	st = journal_disk_delete_log(dir, log, err);`, String.raw`	st = log->opened ? journal_disk_delete_log(dir, log, err) : OK;`),
  contract('the_list_has_every_log_once', dir(''), String.raw`	names->count++;
	return OK;`, String.raw`	names->count += names->count < 64;
	return OK;`),
  contract('closing_accepts_null', 'src/journal/journal.c', String.raw`	if (*journal_ptr == NULL)
		return;`, String.raw``),
  contract('of_many_that_append_at_once_each_finds_its_own_in_order', dir('_append'), String.raw`	log->busy = true;
	st = journal`, String.raw`	st = journal`),
  contract('of_many_that_append_at_once_each_finds_its_own_in_order', dir('_append'), String.raw`		append->end = position;`, String.raw`		append->end = end + append->bytes;`),
  contract('a_reader_that_trims_behind_writers_sees_every_entry_once', dir(''), String.raw`{.begin = log->begin, .end = log->end}`, String.raw`{.begin = log->begin, .end = log->end + log->queued}`),
  contract('a_removal_among_writers_ends_them_all_and_leaves_nothing', dir('_append'), String.raw`	st = journal_log_check_locked(log, &err);
	if (st == OK && log->stuck)`, String.raw`	st = OK;
	if (st == OK && log->stuck)`),
  contract('many_may_be_the_first_to_use_a_log', dir('_log'), String.raw`		journal_log_take_role_locked(dir, log);
		st = journal_log_check_locked(log, err);`, String.raw`		st = journal_log_check_locked(log, err);`),

  frame('an_empty_file_is_whole', dir('_frame'), String.raw`	while (scan.whole < file.len) {`, String.raw`	while (scan.whole <= file.len) {`),
  frame('a_frame_is_padded_to_a_multiple_of_8', dir('_frame'), String.raw`(bytes + JOURNAL_FRAME_ALIGN - 1) / JOURNAL_FRAME_ALIGN *`, String.raw`(bytes + JOURNAL_FRAME_ALIGN) / JOURNAL_FRAME_ALIGN *`),
  frame('frames_to_the_last_byte_are_whole_and_the_last_group_is_known', dir('_frame'), String.raw`(size_t)(frame.group - first);`, String.raw`scan.whole;`),
  frame('a_last_frame_that_is_cut_anywhere_is_torn', dir('_frame'), String.raw`	if (bytes.len < HEADER_BYTES) {`, String.raw`	if (bytes.len == 8) {
		*ret_frame = (struct journal_frame){.entry = bytes, .bytes = 8};
		return JOURNAL_FRAME_WHOLE;
	}
	if (bytes.len < HEADER_BYTES) {`),
  frame('any_bit_that_turns_in_the_middle_is_seen', dir('_frame'), String.raw` || !is_zeros(padding))`, String.raw`)`),
  frame('any_bit_that_turns_in_the_middle_is_seen', dir('_frame'), String.raw`offsetof(struct journal_frame_header, header_crc)`, String.raw`offsetof(struct journal_frame_header, position)`),
  frame('what_was_durable_is_broken_though_a_sector_of_it_is_missing', dir('_frame'), String.raw`		if (frame.group > first + (int64_t)bad)`, String.raw`		if (frame.group > first + (int64_t)file.len)`),
  frame('a_group_without_a_sector_in_its_middle_is_torn_there', dir('_frame'), String.raw`	return found && !missing ?`, String.raw`	return found || missing ?`),
  frame('a_group_without_a_sector_in_its_middle_is_torn_there', dir('_frame'), String.raw`		if (is_zeros((struct slice){file.ptr + from, next - from}))`, String.raw`		if (next - from == SECTOR_BYTES && is_zeros((struct slice){file.ptr + from, next - from}))`),
  frame('a_group_of_which_a_bit_turned_is_broken', dir('_frame'), String.raw`	return found && !missing ?`, String.raw`	return found && missing ?`),
  frame('a_group_of_which_a_bit_turned_is_broken', dir('_frame'), String.raw`		if (is_zeros((struct slice){file.ptr + from, next - from}))`, String.raw`		if (is_zeros((struct slice){file.ptr + from + 8, 300}))`),
  frame('a_later_group_behind_a_torn_one_is_no_excuse', dir('_frame'), String.raw`		if (!found)
			missing =`, String.raw`		if (has_missing_sector(file, bad, at))
			return JOURNAL_SCAN_TORN;
		if (!found)
			missing =`),
  frame('a_frame_from_elsewhere_is_none', dir('_frame'), String.raw`header.position != position || `, String.raw``),
  frame('a_frame_from_elsewhere_is_none', dir('_frame'), String.raw`	return crc_add(seed, header,`, String.raw`	return crc_add(seed - seed, header,`),
  frame('a_frame_inside_an_entry_is_none', dir('_frame'), String.raw`	return crc_add(seed, header,`, String.raw`	return crc_add(seed - seed, header,`),
  frame('bytes_that_never_were_a_frame_are_cut_off', dir('_frame'), String.raw`	return found && !missing ?`, String.raw`	return !missing ?`),
  frame('an_entry_longer_than_any_is_no_frame', dir('_frame'), String.raw`	    header.entry_bytes > JOURNAL_ENTRY_BYTES_MAX ||
`, String.raw``),

  disk('nobody_else_may_look_in', dir('_disk'), String.raw`O_CLOEXEC, 0600);`, String.raw`O_CLOEXEC, 0644);`),
  disk('nobody_else_may_look_in', dir('_disk'), String.raw`log->name, 0700)`, String.raw`log->name, 0755)`),
  disk('nobody_else_may_look_in', dir(''), String.raw`mkdir(options->path, 0700)`, String.raw`mkdir(options->path, 0755)`),
  disk('an_open_that_fails_says_where_and_leaves_its_output', dir(''), String.raw`		err_add(err, "journal %s", options->path);
`, String.raw``),
  disk('an_open_syncs_what_a_killed_run_may_have_left', dir(''), String.raw`	if (st == OK && fsync(root) < 0)
		st = err_errno(err, errno, "fsync");
`, String.raw``),
  disk('each_step_is_on_the_disk_before_the_next_needs_it', dir('_disk'), String.raw`	st = sync_root(dir, err);
	log->made = st == OK;`, String.raw`	st = OK;
	log->made = st == OK;`),
  disk('each_step_is_on_the_disk_before_the_next_needs_it', dir('_disk'), String.raw`	st = sync_folder(dir, log, err);
	if (st != OK) {`, String.raw`	if (st != OK) {`),
  disk('a_file_that_is_full_is_followed_by_one_with_the_name_of_its_position', dir('_append'), String.raw`end - log->segment >= JOURNAL_FILE_BYTES)`, String.raw`end - log->segment >= 2 * JOURNAL_FILE_BYTES)`),
  disk('a_lone_append_makes_one_sync', dir('_disk'), String.raw`		if (fdatasync(log->file) < 0)`, String.raw`		if (fdatasync(log->file) < 0 || fdatasync(log->file) < 0)`),
  disk('appends_that_come_together_share_one_sync', dir('_append'), String.raw`#define GROUP_MAX       256`, String.raw`#define GROUP_MAX       8`),
  disk('a_group_that_fails_fails_for_all_in_it_and_the_next_one_works', dir('_append'), String.raw`		append->status = st;`, String.raw`		append->status = append == group ? st : OK;`),
  disk('a_group_that_fails_fails_for_all_in_it_and_the_next_one_works', dir('_append'), String.raw`			journal_log_count_bytes_locked(dir, -append->bytes);
`, String.raw``),
  disk('what_all_logs_hold_is_counted_and_nothing_stays_when_they_are_closed', dir(''), String.raw`	metric_add(METRIC_JOURNAL_BYTES, 0, -dir->bytes);
`, String.raw``),
  disk('a_last_entry_that_is_cut_anywhere_goes_and_what_was_before_stays', dir('_recover'), String.raw`		if (ftruncate(file, (off_t)scan.whole) < 0)`, String.raw`		if (scan.whole > bytes.len)`),
  disk('a_crash_while_an_entry_is_written_leaves_all_of_it_or_nothing', dir('_frame'), String.raw`	if (bytes.len < frame_bytes) {`, String.raw`	if (bytes.len < HEADER_BYTES + header.entry_bytes) {`),
  disk('what_an_opening_finds_is_synced_before_it_is_shown', dir('_recover'), String.raw`	if (fsync(file) < 0)
		return err_errno(err, errno, "%s: fsync", path);
`, String.raw``),
  disk('the_last_group_is_written_again_at_an_opening', dir('_recover'), String.raw`settle(file, path, bytes, scan.group, err);`, String.raw`settle(file, path, bytes, scan.whole, err);`),
  disk('a_file_that_was_just_begun_may_be_empty', dir('_recover'), String.raw`	size = (size_t)about.st_size;`, String.raw`	if (about.st_size == 0)
		return err_set(err, E_IO, "empty");
	size = (size_t)about.st_size;`),
  disk('a_byte_that_changed_before_the_last_entry_stops_that_log_and_no_other', dir('_recover'), String.raw`		*ret_broken = true;
		st = err_set(err, E_IO, "%s, byte %zu: not as it was written", path, scan.whole);`, String.raw`		break;`),
  disk('a_byte_that_changed_in_an_earlier_file_is_found_when_it_is_read', dir('_frame'), String.raw`	if (header.entry_crc != crc_add(0, entry.ptr, entry.len) || `, String.raw`	if (`),
  disk('a_byte_that_changed_in_an_earlier_file_is_found_when_it_is_read', dir('_log'), String.raw`	log->broken = true;
	snprintf`, String.raw`	snprintf`),
  disk('a_gap_between_files_stops_the_log', dir('_recover'), String.raw`		if (about.st_size == look->firsts[i + 1] - look->firsts[i])`, String.raw`		if (about.st_size >= look->firsts[i + 1] - look->firsts[i])`),
  disk('what_is_not_there_any_more_is_not_read_past', dir('_read'), String.raw`	if (i == 0)
		return err_set(
		    err, E_IO, "what was at %lld is not there any more", (long long)reader->at);`, String.raw`	if (i == 0)
		reader->at = log->firsts[i++];`),
  disk('a_file_that_is_lost_while_the_server_runs_is_an_error', dir('_read'), String.raw`		if (st == OK && block.len < bytes)
			st = fail_broken(reader, err);`, String.raw`		if (st == OK && block.len < bytes)
			reader->at = reader->next;`),
  disk('a_last_file_longer_than_any_is_not_read', dir('_recover'), String.raw`		*ret_broken = true;
		return err_set(err, E_IO, "%s has %lld bytes, which no file of a log has", path,`, String.raw`		return err_set(err, E_IO, "%s is long (%lld)", path,`),
  disk('the_operator_is_told_of_what_was_cut_off_lost_or_changed', dir('_log'), String.raw`	if (broken)
		journal_log_say_broken(log, why.text);
`, String.raw``),
  disk('the_operator_is_told_of_what_was_cut_off_lost_or_changed', dir('_recover'), String.raw`scan.whole, bytes.len - scan.whole);`, String.raw`scan.whole, bytes.len);`),
  disk('the_operator_is_told_of_what_was_cut_off_lost_or_changed', dir(''), String.raw`LOG_LEVEL_ERROR, "journal.lost"`, String.raw`LOG_LEVEL_DEBUG, "journal.lost"`),
  disk('a_log_without_its_last_file_goes_on_behind_what_the_lake_has', dir(''), String.raw`	log->begin = log->end = position;
	log->clear = true;`, String.raw`	log->begin = position;
	log->clear = true;`),
  disk('going_on_behind_what_was_lost_may_fail_and_gives_no_position_twice', dir('_append'), String.raw`log->roll || log->clear ||`, String.raw`log->roll ||`),
  disk('what_is_not_ours_is_passed_over', dir('_recover'), String.raw`	if (first < 0)
		return OK;`, String.raw`	if (first < 0)
		return err_set(err, E_IO, "strange");`),
  disk('what_is_not_ours_is_passed_over', dir(''), String.raw` ||
	    !S_ISDIR(about.st_mode))`, String.raw`)`),
  disk('no_link_is_followed', dir('_recover'), String.raw`	file = openat(look->dir->root, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);`, String.raw`	file = openat(look->dir->root, path, O_RDWR | O_CLOEXEC);`),
  disk('no_link_is_followed', dir('_recover'), String.raw`log->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);`, String.raw`log->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);`),
  disk('an_append_that_fails_at_any_step_leaves_nothing_and_can_be_tried_again', dir('_disk'), String.raw`	if (unlinkat(dir->root, path, 0) < 0 && errno != ENOENT)
		return err_errno(err, errno, "%s: unlink", path);
	file = openat`, String.raw`	file = openat`),
  disk('an_append_that_fails_at_any_step_leaves_nothing_and_can_be_tried_again', dir('_disk'), String.raw`	if (ftruncate(file, bytes) < 0)`, String.raw`	if (bytes < 0)`),
  disk('after_a_sync_that_failed_another_file_is_written_to', dir('_disk'), String.raw`		log->roll = st != OK;
`, String.raw``),
  disk('after_a_write_that_failed_the_same_file_is_written_to', dir('_disk'), String.raw`	if (cut_back(log->file, offset, &why) != OK) {`, String.raw`	log->roll = true;
	if (cut_back(log->file, offset, &why) != OK) {`),
  disk('a_log_that_cannot_be_cut_back_takes_nothing_until_it_is_opened_anew', dir('_append'), String.raw`	if (st == OK && log->stuck)`, String.raw`	if (st == OK && log->stuck && log->broken)`),
  disk('a_log_that_cannot_be_cut_back_takes_nothing_until_it_is_opened_anew', dir('_disk'), String.raw`	if (fsync(file) < 0)
		return err_errno(err, errno, "fsync");
	return OK;
}

enum status journal_disk_write`, String.raw`	return OK;
}

enum status journal_disk_write`),
  disk('a_full_log_that_is_stuck_is_not_rolled', dir(''), String.raw`log->queued == 0 && !log->stuck &&`, String.raw`log->queued == 0 &&`),
  disk('a_write_that_is_cut_short_leaves_no_trace', dir('_disk'), String.raw`	while (bytes > 0) {
		ssize_t n = pwritev`, String.raw`	for (bool again = true; again; again = false) {
		ssize_t n = pwritev`),
  disk('a_trim_deletes_whole_files_oldest_first_and_never_the_last', dir('_disk'), String.raw`	return sync_folder(dir, log, err);
}

static enum status delete_entry`, String.raw`	return OK;
}

static enum status delete_entry`),
  disk('a_trim_deletes_whole_files_oldest_first_and_never_the_last', dir(''), String.raw`log->firsts[1] <= log->begin)`, String.raw`log->firsts[0] < log->begin)`),
  disk('a_large_last_file_goes_when_all_of_it_is_trimmed', dir(''), String.raw`log->firsts[log->count - 1] > SPENT_BYTES;`, String.raw`log->firsts[log->count - 1] > 8 * SPENT_BYTES;`),
  disk('a_large_last_file_goes_when_all_of_it_is_trimmed', dir(''), String.raw`log->firsts[log->count - 1] > SPENT_BYTES;`, String.raw`log->firsts[log->count - 1] > 0;`),
  disk('a_trim_that_fails_at_any_step_can_be_tried_again', dir('_log'), String.raw`	mutex_lock(&dir->mutex);
	if (st != OK)
		return st;
	log->count--;`, String.raw`	mutex_lock(&dir->mutex);
	(void)st;
	log->count--;`),
  disk('a_file_is_not_written_past_the_name_of_one_that_could_not_be_synced', dir('_disk'), String.raw`		log->roll = true;
		close(file);`, String.raw`		close(file);`),
  disk('a_removal_that_fails_at_any_step_can_be_tried_again', dir('_disk'), String.raw`	/* Also when it was gone: an earlier try may have got no further. */
	st = sync_root(dir, err);`, String.raw`	st = folder < 0 ? OK : sync_root(dir, err);`),
  disk('many_logs_keep_few_files_open', dir('_log'), String.raw`#define OPEN_FILES_MAX 128`, String.raw`#define OPEN_FILES_MAX 1280`),
  disk('many_logs_keep_few_files_open', dir('_log'), String.raw`	journal_disk_close_file(log);
	cond_fini`, String.raw`	cond_fini`),
  disk('a_file_that_was_changed_while_it_was_closed_takes_nothing', dir('_disk'), String.raw`	} else if (about.st_size != end - log->segment) {`, String.raw`	} else if (about.st_size < end - log->segment) {`),
];
