/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What DuckDB allocates, counted and limited.
 *
 * Why.  The engine's memory_limit is for its buffers.  A list or a text that an expression makes up
 * is not in it: "select len(range(1000000000))" asked for 8 GB, and the kernel ended the process.
 * No interrupt helps, since one is looked at between vectors of rows and this is a single row.
 *
 * How.  The engine allocates in two ways, and the dynamic linker gives an executable's functions
 * precedence over those of the same name in a library.  So these here stand in front of
 *	duckdb_je_malloc and its kin	vectors, texts, buffers: the library's own jemalloc
 *	operator new and delete		everything else that is C++; in this process only the engine is
 * They count what is in use, and say "no" to a large request that would pass the limit, which the
 * engine turns into an out-of-memory failure of the statement that asked.
 *
 * Who is told "no".  Never a thread of ours that loads, commits or checkpoints: the engine takes a
 * failure in a commit for fatal.  A query always.  The engine's own threads work for both: a
 * request of the size of a buffer is granted them until the reserve is used up as well.
 *
 * Small requests are counted and never refused, for the engine makes them in places where it could
 * not go on.  When they are what goes beyond the limit and its reserve, the lake's timer
 * interrupts the queries.
 *
 * The engine's own limit knows no such difference: what queries have of its buffers, loads lack.  A
 * load that finds none says so, and queries are interrupted as well; it is tried again soon.
 *
 * Not here: what the engine takes from malloc(), such as its parser's trees (a statement's length
 * has a limit) and copies of a text while it is normalized.  With a sanitizer, which has its own
 * operator new, only jemalloc's part is counted.  A DuckDB without a jemalloc of its own is seen in
 * its operator new alone; lake_duckdb_memory_is_seen() then says so.
 */
#include "lake/lake_duckdb_memory.h"

#include "base/clock.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A request of this size may be refused; the engine's buffers are 256 KB and a little. */
#define REFUSABLE_BYTES  ((size_t)64 * 1024)
#define BUFFER_BYTES_MAX ((size_t)1024 * 1024)

/* A thread tells the others what it took and gave back once that has come to this. */
#define TELL_BYTES ((int64_t)128 * 1024)

/* How long a load's want of memory lasts: a query is chosen to end for it, or two. */
#define WANT_US 100000

/* The limit when only that of the engine's buffers is known, and how much of it is kept back for
 * who works for loads. */
#define LIMIT_TO_BUFFERS 2
#define RESERVE_PART     4

static _Atomic int64_t used_bytes;
static _Atomic int64_t limit_bytes = INT64_MAX;
static _Atomic bool is_seen;
static _Atomic int64_t wanted_until_us;
static _Atomic bool was_high; /* more than half of the limit was used */

static _Thread_local int64_t untold_bytes;
static _Thread_local enum lake_duckdb_role thread_role;

/* --- The limit -------------------------------------------------------------------------------- */

void lake_duckdb_memory_limit(int64_t bytes_max)
{
	atomic_store(&limit_bytes, bytes_max);
}

int64_t lake_duckdb_memory_default(int64_t bytes)
{
	return bytes * LIMIT_TO_BUFFERS;
}

enum lake_duckdb_role lake_duckdb_memory_role(enum lake_duckdb_role role)
{
	enum lake_duckdb_role before = thread_role;

	thread_role = role;
	return before;
}

int64_t lake_duckdb_memory_used(void)
{
	return atomic_load_explicit(&used_bytes, memory_order_relaxed);
}

static int64_t limit_with_reserve(void)
{
	int64_t limit = atomic_load_explicit(&limit_bytes, memory_order_relaxed);

	return limit > INT64_MAX / 2 ? limit : limit + limit / RESERVE_PART;
}

void lake_duckdb_memory_want(void)
{
	if (thread_role != LAKE_DUCKDB_QUERY)
		atomic_store(&wanted_until_us, clock_mono_us() + WANT_US);
}

bool lake_duckdb_memory_is_over(void)
{
	return atomic_load(&wanted_until_us) > clock_mono_us() ||
	       lake_duckdb_memory_used() > limit_with_reserve();
}

bool lake_duckdb_memory_is_seen(void)
{
	return atomic_load(&is_seen);
}

static bool may_have(size_t bytes)
{
	int64_t limit;

	if (bytes < REFUSABLE_BYTES || thread_role == LAKE_DUCKDB_OURS)
		return true;
	if (thread_role == LAKE_DUCKDB_ENGINE && bytes <= BUFFER_BYTES_MAX)
		limit = limit_with_reserve();
	else
		limit = atomic_load_explicit(&limit_bytes, memory_order_relaxed);
	return bytes <= (size_t)INT64_MAX && (int64_t)bytes <= limit &&
	       lake_duckdb_memory_used() <= limit - (int64_t)bytes;
}

static bool is_high(int64_t used)
{
	return used > atomic_load_explicit(&limit_bytes, memory_order_relaxed) / 2;
}

static void tell(void)
{
	int64_t before = atomic_fetch_add_explicit(&used_bytes, untold_bytes, memory_order_relaxed);

	if (is_high(before + untold_bytes) &&
	    !atomic_load_explicit(&was_high, memory_order_relaxed))
		atomic_store(&was_high, true);
	untold_bytes = 0;
}

static void count(int64_t bytes)
{
	untold_bytes += bytes;
	if (untold_bytes >= TELL_BYTES || untold_bytes <= -TELL_BYTES)
		tell();
}

/* --- The engine's jemalloc -------------------------------------------------------------------- */

/* The library's own, which we leave as they are.  Weak: another DuckDB may have none, and then
 * nothing calls what stands below. */
void *duckdb_je_mallocx(size_t bytes, int flags) __attribute__((weak));
void *duckdb_je_rallocx(void *memory, size_t bytes, int flags) __attribute__((weak));
void duckdb_je_dallocx(void *memory, int flags) __attribute__((weak));
size_t duckdb_je_sallocx(const void *memory, int flags) __attribute__((weak));

int duckdb_je_mallctl(const char *name, void *ret_old, size_t *ret_old_bytes, void *new,
    size_t new_bytes) __attribute__((weak));

/* In front of the library's. */
void *duckdb_je_malloc(size_t bytes) __attribute__((visibility("default")));
void *duckdb_je_realloc(void *memory, size_t bytes) __attribute__((visibility("default")));
void duckdb_je_free(void *memory) __attribute__((visibility("default")));
void duckdb_je_sdallocx(void *memory, size_t bytes, int flags)
    __attribute__((visibility("default")));

void *duckdb_je_malloc(size_t bytes)
{
	void *memory = may_have(bytes) ? duckdb_je_mallocx(bytes > 0 ? bytes : 1, 0) : NULL;

	if (memory != NULL)
		count((int64_t)duckdb_je_sallocx(memory, 0));
	if (!atomic_load_explicit(&is_seen, memory_order_relaxed))
		atomic_store(&is_seen, true);
	return memory;
}

void *duckdb_je_realloc(void *memory, size_t bytes)
{
	int64_t before = memory == NULL ? 0 : (int64_t)duckdb_je_sallocx(memory, 0);
	void *after;

	if (memory == NULL)
		return duckdb_je_malloc(bytes);
	if ((int64_t)bytes > before && !may_have(bytes))
		return NULL;
	after = duckdb_je_rallocx(memory, bytes > 0 ? bytes : 1, 0);
	if (after != NULL)
		count((int64_t)duckdb_je_sallocx(after, 0) - before);
	return after;
}

void duckdb_je_free(void *memory)
{
	if (memory == NULL)
		return;
	count(-(int64_t)duckdb_je_sallocx(memory, 0));
	duckdb_je_dallocx(memory, 0);
}

void duckdb_je_sdallocx(void *memory, size_t bytes, int flags)
{
	(void)bytes;
	count(-(int64_t)duckdb_je_sallocx(memory, 0));
	duckdb_je_dallocx(memory, flags);
}

void lake_duckdb_memory_give_back(void)
{
	if (!atomic_load(&was_high) || is_high(lake_duckdb_memory_used()))
		return;
	atomic_store(&was_high, false);
	/* All arenas'; the number is jemalloc's for that.  glibc keeps what lies below something
	 * that is in use, gigabytes after a query with many small values. */
	if (duckdb_je_mallctl != NULL)
		(void)duckdb_je_mallctl("arena.4096.purge", NULL, NULL, NULL, 0);
	(void)malloc_trim(0);
}

/* --- Failing -------------------------------------------------------------------------------- */

/* libstdc++'s; weak, for a program without an engine. */
void throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv") __attribute__((noreturn, weak));

void lake_duckdb_memory_fail(void)
{
	if (thread_role != LAKE_DUCKDB_OURS)
		throw_bad_alloc();
}

/* --- operator new and delete ------------------------------------------------------------------ */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER
#endif

#ifndef HAS_SANITIZER

/* The other forms (arrays, sized, nothrow) come to these two in libstdc++, whose own operator new
 * is malloc() and whose delete is free(). */
void *operator_new(size_t bytes) __asm__("_Znwm") __attribute__((visibility("default")));
void operator_delete(void *memory) __asm__("_ZdlPv") __attribute__((visibility("default")));

void *operator_new(size_t bytes)
{
	void *memory = may_have(bytes) ? malloc(bytes > 0 ? bytes : 1) : NULL;

	if (memory == NULL)
		throw_bad_alloc();
	count((int64_t)malloc_usable_size(memory));
	return memory;
}

void operator_delete(void *memory)
{
	if (memory == NULL)
		return;
	count(-(int64_t)malloc_usable_size(memory));
	free(memory);
}

#endif
