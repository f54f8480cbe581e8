/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault.c: report a mistake of the caller that endangers memory.
 *
 * One line says which function was called, what is wrong, the address, its
 * page, and what that page is in use for; with PAGE_OWNER also where it was
 * allocated and freed.  It goes to the heap's handler, or to stderr before the
 * process is aborted.
 *
 * Locking: takes the region lock to describe the page and holds none when the
 * handler runs.  No memory is allocated.  Cost: it does not matter.
 */
#include "heap.h"

#include "page_owner.h"

#include <errno.h>
#include <stdio.h>

static const char *state_name(enum page_kind kind)
{
	switch (kind) {
	case PAGE_EXTENT:
		return "small objects";
	case PAGE_DIRECT:
		return "large object";
	case PAGE_ARRAY:
		return "array";
	case PAGE_RAW:
		return "pages";
	case PAGE_TICKET:
		return "reserved";
	default:
		return "free";
	}
}

static void describe(struct fixheap *heap, struct fixheap_fault *fault,
		     char *owner, size_t bytes)
{
	struct run run;
	u64 page, pfn = addr_to_pfn(heap, fault->address);

	owner[0] = '\0';
	fault->pfn = UINT64_MAX;
	fault->state = "outside of the heap";
	if (!pfn_valid(heap, pfn))
		return;
	fault->pfn = pfn;
	fault->state = "free";
	if (run_find(heap, pfn, &run, &page)) {
		fault->state = state_name(page_kind(page));
		pfn = run.pfn;
		if (page_kind(page) == PAGE_EXTENT)
			return;
	}
	page_owner_text(heap, pfn, owner, bytes);
}

void heap_fault(struct fixheap *heap, const char *api, const char *what,
		const void *address, size_t length)
{
	struct fixheap_fault fault = { .size = sizeof(fault),
				       .api = api,
				       .what = what,
				       .address = address,
				       .length = length };
	char owner[OWNER_TEXT_BYTES], page[32] = "the address";
	char text[OWNER_TEXT_BYTES + 300];
	char bytes[40] = "";
	int error = errno, n;

	describe(heap, &fault, owner, sizeof(owner));
	if (fault.pfn != UINT64_MAX)
		snprintf(page, sizeof(page), "page %llu",
			 (unsigned long long)fault.pfn);
	if (length)
		snprintf(bytes, sizeof(bytes), ", %zu bytes", length);
	n = snprintf(text, sizeof(text), "fixheap: %s(%p%s): %s; %s is %s%s\n",
		     api, address, bytes, what, page, fault.state, owner);
	if (!heap->fault) {
		host_print(text, (size_t)n < sizeof(text) ? (size_t)n
							  : sizeof(text) - 1);
		host_abort();
	}
	text[n < (int)sizeof(text) ? n - 1 : (int)sizeof(text) - 1] = '\0';
	fault.message = text;
	heap->fault(heap->fault_data, &fault);
	errno = error;
}

/* In bytes, as far as they can be counted. */
static size_t length_of(u64 nr_pages)
{
	return nr_pages > SIZE_MAX >> PAGE_SHIFT ? SIZE_MAX
						 : nr_pages << PAGE_SHIFT;
}

bool heap_check(struct fixheap *heap, const char *api, const void *start,
		u64 nr_pages, u64 *pfn)
{
	u64 nr = __atomic_load_n(&heap->nr_pages, __ATOMIC_RELAXED);

	*pfn = addr_to_pfn(heap, start);
	if (!pfn_valid(heap, *pfn)) {
		heap_fault(heap, api, "foreign pointer", start,
			   length_of(nr_pages));
		return false;
	}
	if ((uintptr_t)start & (PAGE_BYTES - 1)) {
		heap_fault(heap, api, "interior pointer", start,
			   length_of(nr_pages));
		return false;
	}
	if (nr_pages > nr || *pfn + nr_pages > heap->end_pfn) {
		heap_fault(heap, api, "range reaches beyond the heap", start,
			   length_of(nr_pages));
		return false;
	}
	return true;
}
