// SPDX-License-Identifier: Apache-2.0
// How to open the doors that are shut to a query: each entry makes the named test fail (script/prove-tests).
const raw = String.raw;
const guard = 'src/lake/lake_duckdb_guard.c', nesting = 'src/lake/lake_duckdb_nesting.c', memory = 'src/lake/lake_duckdb_memory.c';
const reach = 'scenario/33-hostile-sql: files, the network, extensions, settings and the environment are out of reach, however it is written';
const one = 'scenario/33-hostile-sql: nothing but one reading statement runs, wherever the other is hidden';
const deep = 'scenario/33-hostile-sql: no statement is nested so deep that the process ends';
const late = 'scenario/33-hostile-sql: a query without an end is ended at its time';
const bombs = 'scenario/33-hostile-sql: a query that makes up too much is ended with 503, and its memory comes back (with a sanitizer only the former)';
const news = 'scenario/33-hostile-sql: the same for what the engine takes from operator new (skipped with a sanitizer, which has its own)';
const doors = 'unit/lake_hostile_test: every_door_is_shut_in_every_disguise';
const random = 'unit/lake_hostile_test: statements_at_random_change_nothing';
const limit = 'unit/lake_hostile_test: the_engine_gets_no_more_than_its_limit';
const room = 'unit/lake_hostile_test: queries_make_room_for_a_load';
const jobs = 'scenario/33-hostile-sql: jobs go on while bombs go off';
const waits = 'scenario/33-hostile-sql: a query whose threads wait for one that failed ends, and jobs go on';

export default [
	{ test: reach, file: guard, from: raw`"current_setting", "getenv",`, to: raw`"getenv",` },
	{ test: reach, file: guard, from: raw`slice_starts(rest, SLICE("--")) || slice_starts(rest, SLICE("/*"));`, to: raw`slice_starts(rest, SLICE("--"));` },
	{ test: reach, file: guard, from: raw`(unsigned char)rest.ptr[0] >= 0x80 ||`, to: raw`(unsigned char)rest.ptr[0] >= 0xff ||` },
	{ test: doors, file: guard, from: raw`	if (rest.len > 0 && rest.ptr[0] == '"')`, to: raw`	if (rest.len > 0 && rest.ptr[0] == '!')` },
	{ test: doors, file: guard, from: raw`return strcasecmp(*(char *const *)a, *(char *const *)b);`, to: raw`return strcmp(*(char *const *)a, *(char *const *)b);` },
	{ test: one, file: 'src/lake/lake_duckdb_query.c', from: raw`	} else if (count > 1) {`, to: raw`	} else if (count > 100) {` },
	{ test: random, file: 'src/lake/lake_duckdb_query.c', from: raw`	if (duckdb_nparams(run->statement) != 0)`, to: raw`	assert(duckdb_nparams(run->statement) == 0);
	if (duckdb_nparams(run->statement) != 0)` },
	{ test: deep, file: nesting, from: raw`#define DEPTH_MAX  100`, to: raw`#define DEPTH_MAX  1000` },
	{ test: deep, file: nesting, from: raw`#define COSTLY_MAX 16`, to: raw`#define COSTLY_MAX 20` },
	{ test: deep, file: nesting, from: raw`		if (memchr(sql.ptr, '\\', from) != NULL)
			nesting->is_unsure = true;`, to: '' },
	{ test: deep, file: guard, from: raw`"json_structure",`, to: '' },
	{ test: deep, file: guard, from: raw`"variant", `, to: '' },
	{ test: late, file: 'src/lake/lake_duckdb_watch.c', from: raw`		duckdb_interrupt(watch->connection);`, to: '', hangs: true },
	{ test: bombs, file: memory, from: raw`	void *memory = may_have(bytes) ? duckdb_je_mallocx(bytes > 0 ? bytes : 1, 0) : NULL;`, to: raw`	void *memory = duckdb_je_mallocx(bytes > 0 && bytes < ((size_t)4 << 30) ? bytes : 1, 0);` },
	{ test: news, file: memory, from: raw`	void *memory = may_have(bytes) ? malloc(bytes > 0 ? bytes : 1) : NULL;`, to: raw`	void *memory = bytes < ((size_t)3 << 29) ? malloc(bytes > 0 ? bytes : 1) : NULL;` },
	{ test: limit, file: memory, from: raw`	if (bytes < REFUSABLE_BYTES || thread_role == LAKE_DUCKDB_OURS)`, to: raw`	if (bytes < REFUSABLE_BYTES || thread_role != LAKE_DUCKDB_ENGINE)`, hangs: true },
	{ test: room, file: 'src/lake/lake_duckdb.c', from: raw`		lake_duckdb_memory_want();`, to: raw`		(void)lake_duckdb_memory_want;` },
	{ test: room, file: memory, from: raw`	if (thread_role != LAKE_DUCKDB_QUERY)`, to: raw`	if (thread_role <= LAKE_DUCKDB_OURS)` },
	{ test: jobs, file: memory, from: raw`	if (bytes < REFUSABLE_BYTES || thread_role == LAKE_DUCKDB_OURS)
		return true;`, to: raw`	if (thread_role == LAKE_DUCKDB_OURS)
		return false;` },
	{ test: waits, file: 'src/lake/lake_duckdb_watch.c', from: raw`	int result;

	fail_when_stuck(__builtin_return_address(0));`, to: raw`	int result;
`, hangs: true },
	{ test: waits, file: 'src/lake/lake_duckdb_watch.c', from: raw`	fail_when_stuck(__builtin_return_address(0));
	return`, to: raw`	return`, hangs: true },
];
