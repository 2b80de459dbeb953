// SPDX-License-Identifier: Apache-2.0
// How to break the list of jobs: each entry makes the named test fail (script/prove-tests).
const raw = String.raw;
const file = 'src/api/jobs.c', sql = 'src/catalog/catalog_sqlite_sql.def', tables = 'src/catalog/catalog_sqlite_schema.h';
const newest = 'scenario/09-list: the newest change first, 20 of them';
const spelling = 'scenario/09-list: every spelling of the order';
const bad = 'scenario/09-list: a bad value is refused with its name, itself and what would be right';
const uncounted = [raw`    " INSERT INTO job_counts SELECT NEW.state, NEW.stream, 1 WHERE NEW.deleted = 0"`, raw`    " INSERT INTO job_counts SELECT NEW.state, NEW.stream, 1 WHERE NEW.deleted < 2"`];

export default [
	{ test: newest, file, from: raw`{.states = JOB_STATES_ALL, .limit = LIST_LIMIT};`, to: raw`{.states = JOB_STATES_ALL, .limit = LIST_LIMIT, .order = JOB_ORDER_CREATED};` },
	{ test: newest, file, from: raw`{.states = JOB_STATES_ALL, .limit = LIST_LIMIT};`, to: raw`{.states = JOB_STATES_ALL, .limit = LIST_LIMIT, .ascending = true};` },
	{ test: 'scenario/09-list: limit is 20, or 1 to 100', file, from: raw`#define LIST_LIMIT     20`, to: raw`#define LIST_LIMIT       21` },
	{ test: 'scenario/09-list: limit is 20, or 1 to 100', file, from: raw`!api_parse_number(text, 1, LIST_LIMIT_MAX, &filter->limit)`, to: raw`!api_parse_number(text, 1, LIST_LIMIT_MAX - 1, &filter->limit)` },
	{ test: 'scenario/09-list: offset skips; behind the end there is nothing', file: 'src/catalog/catalog_sqlite_list.c', from: raw`		page.offset = total - filter->offset - page.count;`, to: raw`		page.offset = total - filter->offset - page.count + 1;` },
	{ test: 'scenario/09-list: pages follow on each other without overlap or gap, in every order', file: 'src/catalog/catalog_sqlite_list.c', from: raw`	if (status == OK && page.reversed)
		reverse(*ret_jobs, *ret_count);`, to: raw`	if (status == OK && page.reversed && *ret_count == 0)
		reverse(*ret_jobs, *ret_count);` },
	{ test: spelling, file, from: raw`	filter->ascending = slice_is_nocase(direction, "asc");`, to: raw`	filter->ascending = slice_is(direction, "asc");` },
	{ test: spelling, file, from: raw`query_either(request, "orderBy", "orderby", &text)`, to: raw`query_either(request, "orderBy", NULL, &text)` },
	{ test: spelling, file, from: raw`	    slice_is_nocase(text, "createdDate") ? JOB_ORDER_CREATED : JOB_ORDER_MODIFIED;`, to: raw`	    slice_is_nocase(text, "created") ? JOB_ORDER_CREATED : JOB_ORDER_MODIFIED;` },
	{ test: bad, file: 'src/api/render.c', from: raw`	if (value < min || value > max)`, to: raw`	if (value < min)` },
	{ test: bad, file: 'src/api/render.c', from: raw`		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;`, to: raw`		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			break;` },
	{ test: bad, file, from: raw`	} while (comma != NULL);`, to: raw`	} while (comma != NULL && text.len > 0);` },
	{ test: bad, file, from: raw`	if ((filter->ascending || slice_is_nocase(direction, "desc")) &&`, to: raw`	if (direction.len > 0 &&` },
	{ test: 'scenario/09-list: states: any of the six, one or several', file, from: raw`		states |= 1u << state;`, to: raw`		states = 1u << state;` },
	{ test: 'scenario/09-list: states: any of the six, one or several', file, from: raw`query_either(request, "states", "state", &text)`, to: raw`query_either(request, "states", NULL, &text)` },
	{ test: 'scenario/09-list: object and source name, exactly', file: sql, from: raw`    " AND (?" #b " = '' OR object = ?" #b "))"`, to: raw`    " AND (?" #b " = '' OR lower(object) = lower(?" #b ")))"` },
	{ test: 'scenario/09-list: object and source name, exactly', file, from: raw`	query_either(request, "sourceName", NULL, &filter->connector);`, to: raw`	query_either(request, "source", NULL, &filter->connector);` },
	{ test: 'scenario/09-list: pages of a filtered list, too', file: sql, from: raw`FROM job_counts WHERE (?1 >> state) & 1"
    " AND stream IN`, to: raw`FROM job_counts WHERE ?1 > 0"
    " AND stream IN` },
	{ test: 'scenario/09-list: a deleted job is in no list', file: tables, from: uncounted[0], to: uncounted[1] },
	{ test: 'conformance/catalog_list_test: totals_follow_every_change', file: tables, from: uncounted[0], to: uncounted[1] },
	{ test: 'conformance/catalog_list_test: a_list_filters_orders_and_pages', file: sql, from: raw`	" ORDER BY jobs." column " " direction ", jobs.id " direction`, to: raw`	" ORDER BY jobs." column " " direction ", jobs.id ASC"` },
	{ test: 'scenario/27-walk: a walk by createdDate asc meets each job once while others are created and all change their state', file: sql, from: raw`PAGES(PAGE_CREATED, "created_us", "")`, to: raw`PAGES(PAGE_CREATED, "modified_us", "")` },
	{ test: 'unit/catalog_size_test: a_page_of_100000_jobs_takes_less_than_10_ms', file: tables, from: raw`ON jobs (modified_us, id, state, stream) WHERE deleted = 0",`, to: raw`ON jobs (stream) WHERE deleted = 0",` },
	{ test: 'unit/catalog_size_test: pages_of_a_long_list_meet_each_job_once', file: sql, from: raw`	"  ORDER BY " column " " direction ", id " direction " LIMIT ?2 OFFSET ?3)"`, to: raw`	"  ORDER BY " column " / 100000 " direction " LIMIT ?2 OFFSET ?3)"` },
];
