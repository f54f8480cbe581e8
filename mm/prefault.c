/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prefault.c: bring all pages of a heap into memory, node by node.
 *
 * What lies on one node is a group: a list of extents, by page number.  The
 * threads of a node take units of a pageblock (or a page of the mapping, if
 * that is larger) from both ends of their group in turn, towards its middle:
 * arrays are allocated from the low end up, small things from the high end
 * down, so that what is handed out meanwhile was brought first.  A group whose
 * node has no thread is done by all when they have done their own.
 *
 * Where the kernel can, it is asked to do a unit in one call, as if each page
 * were written to; else, and on a pinned heap, each page is written to by an
 * atomic operation that changes nothing.
 *
 * Invariants
 *  1. A unit is given to one thread.
 *  2. Pages are touched while they are in a range of the heap that is neither
 *     isolated nor one array's, and not in an array made with FIXHEAP_FRESH:
 *     ready.c.
 *
 * Locking: prefault_lock is held by a caller until its call, or what runs in
 * the background, has ended; the job's lock to take a unit; the region lock to
 * look at its pages; none while they are touched, and for callbacks.  Cost: two
 * short locks and a call into the kernel for each unit.  What it is not: the
 * plan, which is prefault_plan.c's.
 */
#include "prefault.h"

#include "heap.h"
#include "policy.h"
#include "ranges.h"
#include "ready.h"
#include "runmap.h"

#include <errno.h>

#define KNOWN_FLAGS \
	(FIXHEAP_PREFAULT_BACKGROUND | FIXHEAP_PREFAULT_NO_HUGEPAGES)
#define TELLINGS 128

static bool is_stopped(const struct prefault *job)
{
	return __atomic_load_n(&job->heap->prefault_stop, __ATOMIC_RELAXED);
}

static void stop(struct prefault *job, int error)
{
	int none = 0;

	if (error)
		__atomic_compare_exchange_n(&job->error, &none, error, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	fixheap_prefault_cancel(job->heap);
}

/* --- progress ------------------------------------------------------------- */

static void tell(struct prefault *job)
{
	const struct fixheap_prefault *how = &job->how;
	u64 done = __atomic_load_n(&job->done, __ATOMIC_RELAXED);

	__atomic_store_n(&job->told, done, __ATOMIC_RELAXED);
	if (how->progress && how->progress(how->data, done << PAGE_SHIFT,
					   job->total << PAGE_SHIFT))
		stop(job, 0);
}

/* So many pages more are done; say so if it is time and nobody else does. */
static void advance(struct prefault *job, u64 nr_pages)
{
	u64 done = __atomic_add_fetch(&job->done, nr_pages, __ATOMIC_RELAXED);
	u64 told = __atomic_load_n(&job->told, __ATOMIC_RELAXED);

	if (done < told + job->total / TELLINGS || done == job->total ||
	    __atomic_exchange_n(&job->telling, 1, __ATOMIC_ACQUIRE))
		return;
	tell(job);
	__atomic_store_n(&job->telling, 0, __ATOMIC_RELEASE);
}

/* --- a unit --------------------------------------------------------------- */

/* The first of these pages that are not a fresh array's; false: all are. */
static bool skip_fresh_locked(const struct fixheap *heap, struct bounds *pages)
{
	u64 at = pages->pfn, end = pages->end, page;
	struct run run;

	while (at < end) {
		bool found = runmap_find(&heap->region, at, &run, &page);
		u64 next = found ? run.pfn + run.nr_pages : at + 1;

		if (!found || !policy_is_fresh(heap, run.pfn, page)) {
			at = next;
			continue;
		}
		if (at > pages->pfn) {
			pages->end = at;
			return true;
		}
		pages->pfn = at = next;
	}
	return pages->pfn < end;
}

/* Memory that is to be touched. */
struct piece {
	struct bounds pages;
	char *start, *end;
};

/* The range of the page, if it may be touched. */
static const struct range *range_locked(const struct fixheap *heap, u64 pfn)
{
	const struct range *range = range_find_locked(heap, pfn);

	if (range && (range->isolated || range->own || range->pending))
		return NULL;
	return range;
}

static void begin_locked(struct fixheap *heap, u32 t, struct piece *piece)
{
	touching_begin_locked(heap, t, &piece->pages);
	piece->start = pfn_to_addr(heap, piece->pages.pfn);
	piece->end = pfn_to_end(heap, piece->pages.end);
}

/* The first of these pages that may be touched, which thread t does now;
 * false: none may. */
static bool begin(struct fixheap *heap, u32 t, const struct bounds *pages,
		  struct piece *piece)
{
	const struct range *range;
	bool may;

	piece->pages = *pages;
	spin_lock(&heap->region.lock);
	range = range_locked(heap, pages->pfn);
	may = range != NULL;
	if (may) {
		piece->pages.end = min_u64(pages->end, range->end_pfn);
		if (__atomic_load_n(&heap->any_fresh, __ATOMIC_RELAXED))
			may = skip_fresh_locked(heap, &piece->pages);
	}
	if (may) {
		begin_locked(heap, t, piece);
		ready_set(heap, &piece->pages);
	}
	spin_unlock(&heap->region.lock);
	return may;
}

static int touch(const struct fixheap *heap, const struct piece *piece)
{
	int ret = -ENOSYS;

	if (!(heap->flags & FIXHEAP_PINNED))
		ret = host_populate(piece->start,
				    (size_t)(piece->end - piece->start));
	if (ret != -ENOSYS)
		return ret;
	touch_pages(piece->start, piece->end);
	return 0;
}

static int do_unit(struct fixheap *heap, u32 t, const struct bounds *unit)
{
	struct bounds rest = *unit;
	struct piece piece;
	int ret = 0;

	while (!ret && rest.pfn < rest.end && begin(heap, t, &rest, &piece)) {
		ret = touch(heap, &piece);
		if (ret)
			ready_clear(heap, &piece.pages);
		touching_end(heap, t);
		rest.pfn = piece.pages.end;
	}
	return ret;
}

/* --- threads -------------------------------------------------------------- */

/* The next unit of the group; false: that was all. */
static bool take_locked(struct prefault *job, struct group *group,
			struct bounds *unit)
{
	struct bounds *low = &job->extent[group->low];
	struct bounds *high = &job->extent[group->high - 1];

	if (group->low == group->high)
		return false;
	group->from_high = !group->from_high;
	if (group->from_high) {
		*unit = *low;
		unit->end =
			min_u64(round_up(low->pfn + 1, job->unit), low->end);
		low->pfn = unit->end;
		group->low += low->pfn == low->end;
	} else {
		*unit = *high;
		unit->pfn = max_u64(round_down(high->end - 1, job->unit),
				    high->pfn);
		high->end = unit->pfn;
		group->high -= high->pfn == high->end;
	}
	return true;
}

/* The same of one that is not yet there; *nr: pages of those that are. */
static bool take(struct prefault *job, u32 g, struct bounds *unit, u64 *nr)
{
	bool found;

	*nr = 0;
	spin_lock(&job->lock);
	while ((found = take_locked(job, &job->group[g], unit)) &&
	       ready_test(job->heap, unit))
		*nr += unit->end - unit->pfn;
	spin_unlock(&job->lock);
	return found;
}

static void do_group(struct prefault *job, u32 t, u32 g)
{
	struct bounds unit;
	bool more = true;
	u64 nr;
	int ret;

	while (more && !is_stopped(job)) {
		more = take(job, g, &unit, &nr);
		if (nr)
			advance(job, nr);
		if (!more)
			return;
		ret = do_unit(job->heap, t, &unit);
		if (ret)
			stop(job, ret);
		else
			advance(job, unit.end - unit.pfn);
	}
}

static void run_thread(void *data, u32 t)
{
	struct prefault *job = data;

	do_group(job, t, job->group_of[t]);
	for (u32 g = 0; g < NR_GROUPS; g++) {
		if (!job->group[g].has_thread)
			do_group(job, t, g);
	}
}

/* The next range from *pfn on for which huge pages can be asked for. */
static bool next_range(struct fixheap *heap, u64 *pfn, struct piece *piece)
{
	bool found = false;

	while (!found && range_pages(heap, *pfn, &piece->pages)) {
		const struct range *range;

		*pfn = piece->pages.end;
		spin_lock(&heap->region.lock);
		range = range_locked(heap, piece->pages.pfn);
		found = range && range->source != RANGE_COMM &&
			range->end_pfn == *pfn;
		if (found)
			begin_locked(heap, 0, piece);
		spin_unlock(&heap->region.lock);
	}
	return found;
}

/* Range by range: each time the page faults of all threads wait. */
static void ask_for_huge(struct prefault *job)
{
	struct fixheap *heap = job->heap;
	struct piece piece;
	u64 pfn = 0;

	if (heap->flags & FIXHEAP_PINNED ||
	    job->how.flags & FIXHEAP_PREFAULT_NO_HUGEPAGES)
		return;
	while (next_range(heap, &pfn, &piece)) {
		host_advise_huge(piece.start,
				 (size_t)(piece.end - piece.start));
		touching_end(heap, 0);
	}
}

static int run_job(struct prefault *job)
{
	ask_for_huge(job);
	tell(job);
	if (job->nr_threads == 1 && job->heap->topo.nr_nodes == 1)
		run_thread(job, 0);
	else if (host_run_threads(job->nr_threads, job->number, run_thread,
				  job))
		for (u32 t = 0; t < job->nr_threads; t++)
			run_thread(job, t);
	if (job->error)
		return job->error;
	if (job->done < job->total)
		return -ECANCELED;
	tell(job);
	return 0;
}

static void run_in_background(void *data, u32 i)
{
	struct prefault *job = data;

	(void)i;
	job->heap->prefault_result = run_job(job);
	__atomic_store_n(&job->over, true, __ATOMIC_RELEASE);
}

/* --- its life ------------------------------------------------------------- */

/* prefault_lock is held: what ran in the background has ended, or ends. */
static void reap(struct fixheap *heap)
{
	struct prefault *job = heap->prefault;

	if (!job)
		return;
	if (job->thread)
		host_join_thread(job->thread);
	heap->prefault = NULL;
	host_release(job, job->bytes);
}

static int start(struct fixheap *heap, const struct fixheap_prefault *how)
{
	struct prefault *job = heap->prefault;
	int ret = 0;

	if (job && !__atomic_load_n(&job->over, __ATOMIC_ACQUIRE))
		return -EBUSY;
	reap(heap);
	job = heap->prefault = prefault_make(heap, how);
	if (!job)
		return -ENOMEM;
	__atomic_store_n(&heap->prefault_stop, false, __ATOMIC_RELAXED);
	if (how->flags & FIXHEAP_PREFAULT_BACKGROUND) {
		job->thread = host_start_thread(run_in_background, job);
		if (job->thread)
			return 0;
		ret = -EAGAIN;
	} else {
		ret = heap->prefault_result = run_job(job);
	}
	reap(heap);
	return ret;
}

int fixheap_prefault(struct fixheap *heap, const struct fixheap_prefault *how)
{
	static const struct fixheap_prefault none = FIXHEAP_PREFAULT_INIT;
	int ret;

	if (!how)
		how = &none;
	if (how->size != sizeof(*how) || how->flags & ~KNOWN_FLAGS)
		return -EINVAL;
	if (!spin_trylock(&heap->prefault_lock))
		return -EBUSY;
	ret = start(heap, how);
	spin_unlock(&heap->prefault_lock);
	return ret;
}

int fixheap_prefault_wait(struct fixheap *heap)
{
	int ret;

	spin_lock(&heap->prefault_lock);
	reap(heap);
	ret = heap->prefault_result;
	spin_unlock(&heap->prefault_lock);
	return ret;
}

void fixheap_prefault_cancel(struct fixheap *heap)
{
	__atomic_store_n(&heap->prefault_stop, true, __ATOMIC_RELAXED);
}

void prefault_end(struct fixheap *heap)
{
	fixheap_prefault_cancel(heap);
	fixheap_prefault_wait(heap);
}

void prefault_fork_child(struct fixheap *heap)
{
	heap->prefault_lock = (spinlock_t)PTHREAD_MUTEX_INITIALIZER;
	touching_forget(heap);
	if (!heap->prefault)
		return;
	heap->prefault->thread = NULL;
	heap->prefault->over = true;
	heap->prefault_result = -ECANCELED;
}
