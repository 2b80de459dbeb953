// SPDX-License-Identifier: Apache-2.0
// How to break the way from the journal to the lake: each entry makes the named test fail (script/prove-tests).
const fold = 'src/work/fold.c', apply = 'src/work/apply.c', applier = 'src/work/applier.c';
const order = (title) => `scenario/38-streaming-order: ${title}`;
const unit = (name) => `unit/applier_test: ${name}`;

export default [
  { test: 'unit/fold_test: folded_rows_do_what_they_do_one_by_one', file: fold,
    from: String.raw`	return key->row != ROW_THERE || !is_earlier(row->version, key->version);`,
    to: String.raw`	return key->row != ROW_THERE || is_earlier(key->version, row->version);` },
  { test: 'unit/fold_test: folded_rows_do_what_they_do_one_by_one', file: fold,
    from: String.raw`		if (key->row == ROW_ABSENT) {`,
    to: String.raw`		if (key->row == ROW_ABSENT && !key->is_changed) {` },
  { test: 'unit/fold_test: keys_of_every_type_are_told_apart', file: fold,
    from: String.raw`		return slice_equals(a->text, b->text);`,
    to: String.raw`		return a->text.ptr == b->text.ptr;` },
  { test: 'unit/fold_test: changes_come_in_batches_and_lose_no_key', file: fold,
    from: String.raw`		if (fold->batch->row_count == BATCH_ROWS)
			break;`,
    to: String.raw`		if (fold->batch->row_count == BATCH_ROWS) {
			fold->next_key++;
			break;
		}` },
  { test: 'unit/fold_test: what_does_not_fit_the_table_is_refused', file: fold,
    from: String.raw`	if (key == NULL || key->state != VALUE_GIVEN)`,
    to: String.raw`	if (key == NULL)` },
  { test: unit('every_entry_is_applied_once'), file: apply,
    from: String.raw`	enum status st = journal_read(stores->journal, log->journal, log->position, log->end,`,
    to: String.raw`	enum status st = journal_read(stores->journal, log->journal, 0, log->end,` },
  { test: unit('what_comes_during_an_apply_is_applied_by_the_next'), file: applier,
    from: String.raw`		feed->since_us = begun_us;
		if (is_woken)`,
    to: String.raw`		feed->since_us = begun_us;
		if (false && is_woken)` },
  { test: unit('what_comes_together_is_applied_together'), file: applier,
    from: String.raw`			plan_locked(applier, feed, now_us + applier->options.interval_us);`,
    to: String.raw`			plan_locked(applier, feed, now_us);` },
  { test: unit('a_batch_that_is_too_much_for_the_lake_is_tried_in_parts'), file: apply,
    from: String.raw`		log->entries_max = entries > 1 ? entries / 2 : 1;`,
    to: String.raw`		log->entries_max = entries;` },
  { test: unit('a_batch_that_is_too_much_for_the_lake_is_tried_in_parts'), file: apply,
    from: String.raw`		log->entries_max = entries < log->entries_max ? 0 : 2 * log->entries_max;`,
    to: String.raw`		log->entries_max = entries < log->entries_max ? 0 : log->entries_max;` },
  { test: unit('a_failure_is_tried_again_until_it_works'), file: applier,
    from: String.raw`	plan_locked(applier, feed, feed->retry_us);`,
    to: String.raw`	set_state_locked(applier, feed, FEED_IDLE);` },
  { test: unit('a_commit_that_happened_though_it_said_no_is_not_repeated'), file: apply,
    from: String.raw`		log->is_position_known = false;`,
    to: String.raw`		log->is_position_known = log->position > 0 || log->end > 0;` },
  { test: unit('a_load_does_not_begin_while_an_apply_is_under_way'), file: applier,
    from: String.raw`	if (feed == NULL || feed->is_busy)
		return false;`,
    to: String.raw`	if (feed == NULL)
		return false;` },
  { test: unit('a_load_waits_for_what_was_accepted_before_but_not_for_the_interval'), file: applier,
    from: String.raw`	if (feed->state != FEED_HELD)
		plan_locked(applier, feed, clock_mono_us());
	return false;`,
    to: String.raw`	return true;` },
  { test: unit('a_load_that_waits_for_a_lake_that_fails_ends_with_the_server'), file: applier,
    from: String.raw`	return feed->pause_us == 0 ? 0 : NEVER_US;`,
    to: String.raw`	return feed->pause_us == 0 ? 0 : feed->due_us;` },
  { test: unit('a_stream_that_is_gone_is_left_alone'), file: apply,
    from: String.raw`	if (st == E_NOT_FOUND)
		return OK; /* the log was removed, so the stream is gone */`,
    to: String.raw`	if (st == E_NOT_FOUND)
		abort();` },
  { test: unit('a_stream_is_not_dropped_while_an_apply_is_under_way'), file: applier,
    from: String.raw`	while ((feed = find_locked(applier, journal)) != NULL && feed->is_busy)
		cond_wait(&applier->passed, &applier->mutex);
	if (feed != NULL)`,
    to: String.raw`	feed = find_locked(applier, journal);
	if (feed != NULL && !feed->is_busy)` },
  { test: unit('what_is_not_applied_at_the_end_is_at_the_next_start'), file: applier,
    from: String.raw`	if (known == OK && position >= state.end)
		return OK;`,
    to: String.raw`	if (known == OK)
		return OK;` },
  { test: unit('a_log_that_was_lost_goes_on_behind_what_the_lake_has'), file: applier,
    from: String.raw`	if (known == OK && position > state.begin) {`,
    to: String.raw`	if (known == OK && position > state.begin && position <= state.end) {` },
  { test: unit('a_lake_that_cannot_tell_its_position_keeps_the_server_from_starting'), file: applier,
    from: String.raw`			err_add(err, "stream %s.%s", streams[i].connector, streams[i].object);`,
    to: String.raw`			st = OK;` },
  { test: 'unit/watch_test: wakes_those_whose_position_is_reached', file: 'src/job/watch.c',
    from: String.raw`	return waiter->position <= reached->position && strcmp`,
    to: String.raw`	return waiter->position < reached->position && strcmp` },
  { test: 'conformance/catalog_job_test: the_first_closed_job_is_none_that_only_validates', file: 'src/catalog/catalog_sqlite_sql.def',
    from: String.raw`AND jobs.validate_only = 0 AND jobs.state IN (?3, ?4)`,
    to: String.raw`AND jobs.state IN (?3, ?4)` },
  { test: order('what was accepted is in the lake within a second'), file: 'src/config/options.def',
    from: String.raw`NUMBER_OPTION(stream_interval_ms, "stream-interval", "MS", 250,`,
    to: String.raw`NUMBER_OPTION(stream_interval_ms, "stream-interval", "MS", 2500,` },
  { test: order('requests of a moment are applied together, and a job that is closed does not wait for that moment'), file: 'src/base/metrics.c',
    from: String.raw`	return &histograms[METRICS_ROUTE_CELLS + 1];`,
    to: String.raw`	return &histograms[METRICS_ROUTE_CELLS];` },
  { test: order('a job takes effect between what was accepted before and what was accepted after its close'), file: apply,
    from: String.raw`	*ret_cap = st == OK && job.journal_end < log->end ? job.journal_end : log->end;`,
    to: String.raw`	*ret_cap = log->end;` },
  { test: order('a job that is aborted before it was loaded lets the stream go on'), file: 'src/job/job.c',
    from: String.raw`		job_watch_wake(service->watch, job.id);
		tell_settled(service, &job);
	}`,
    to: String.raw`		job_watch_wake(service->watch, job.id);
	}` },
  { test: order('a job that is deleted before it was loaded lets the stream go on'), file: 'src/job/job.c',
    from: String.raw`	tell_settled(service, ret_job);
`,
    to: '' },
  { test: order('so does one that fails; a held job holds up what comes behind it, and no other object'), file: applier,
    from: String.raw`		if (feed->state == FEED_HELD)
			plan_locked(applier, feed, clock_mono_us());`,
    to: String.raw`		feed->due_us = clock_mono_us();` },
  { test: order('a job that only validates holds nothing up, and waits for nothing'), file: 'src/catalog/catalog_sqlite_sql.def',
    from: String.raw`AND jobs.validate_only = 0 AND jobs.state IN (?3, ?4)`,
    to: String.raw`AND jobs.state IN (?3, ?4)` },
  { test: order('a record with an older time does not land, and a deletion removes what is older than its acceptance'), file: fold,
    from: String.raw`		return key->row == ROW_THERE && is_earlier(key->version, row->version);`,
    to: String.raw`		return key->row == ROW_THERE;` },
  { test: order('a deletion that is applied late removes what it would have removed at once'), file: fold,
    from: String.raw`		return (struct version){true, entry->reader.accepted_us};`,
    to: String.raw`		return (struct version){true, entry->reader.accepted_us + INT64_C(3600000000)};` },
  { test: order('on a Partial stream what a record lacks stays, or is NULL where nothing was'), file: fold,
    from: String.raw`			set_change(key, LAKE_MERGE, index);`,
    to: String.raw`			set_change(key, LAKE_REPLACE, index);` },
  { test: order('what was accepted means the same after the schema has grown and the stream has become Partial'), file: fold,
    from: String.raw`		if (looked == table->field_count)
			return err_set(`,
    to: String.raw`		if (looked == table->field_count || reader->field_count != table->field_count)
			return err_set(` },
  { test: order('a key that comes and goes a thousand times is what it was last'), file: fold,
    from: String.raw`		set_change(key, LAKE_REMOVE, NONE);
		key->row = ROW_ABSENT;`,
    to: String.raw`		if (!key->is_changed)
			set_change(key, LAKE_REMOVE, NONE);
		key->row = ROW_ABSENT;` },
  { test: order('a connector that goes takes with it what was not applied yet, and one of its name begins anew'), file: apply,
    from: String.raw`	if (st == E_NOT_FOUND)
		return OK; /* the log was removed, so the stream is gone */
	if (st == OK && !log->is_position_known)`,
    to: String.raw`	if (st == OK && log->position == 0)
		return err_set(err, E_IO, "no");
	if (st == OK && !log->is_position_known)` },
  { test: order('a wait ends when the stream goes'), file: applier,
    from: String.raw`	mutex_unlock(&applier->mutex);
	job_watch_wake(applier->options.watch, journal);
}`,
    to: String.raw`	mutex_unlock(&applier->mutex);
}` },
  { test: order('an end in good order leaves nothing to be applied, and what a kill leaves is applied at the next start'), file: applier,
    from: String.raw`		if (applier->is_ending && (feed == NULL || now_us >= applier->end_us))`,
    to: String.raw`		if (applier->is_ending)` },
  { test: order('a stream that has accepted all it may says so, and goes on when the lake has caught up'), file: 'src/serve/serve.c',
    from: String.raw`		    .log_bytes_max = house->config.stream_log_mb * 1024 * 1024,`,
    to: String.raw`		    .log_bytes_max = house->config.stream_backlog_mb * 1024 * 1024,` },
  { test: order('wait is 0 to 60 seconds'), file: 'src/api/render.c',
    from: String.raw`#define WAIT_SECONDS_MAX 60`,
    to: String.raw`#define WAIT_SECONDS_MAX 61` },
  { test: 'crash/points: stream.applied: what was streamed is applied once, before the job that was closed after it', file: applier,
    from: String.raw`	enum status st = lake_position_get(o->lake, stream->journal, &position, err), known;
`,
    to: String.raw`	enum status st = lake_position_get(o->lake, stream->journal, &position, err), known;

	position = 0;
	lake_position_forget(o->lake, stream->journal, err) == OK ? (void)0 : abort();
` },
  { test: 'crash/points: journal.removed: what a deleted connector had accepted is gone after the next start, and a new one of its name begins anew', file: 'src/job/tables.c',
    from: String.raw`	if (st == OK && has_log)
		st = journal_remove(service->journal, table->journal, err);
`,
    to: '' },
];
