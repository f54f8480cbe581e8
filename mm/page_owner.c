/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page_owner.c: who allocated and who freed a page.
 *
 * For each array, page run and large object the call stacks of the last
 * allocating and the last freeing call are kept, and named in fault messages
 * and in the report of leaks, innermost first, as MODULE+0xOFFSET, of which
 * `addr2line -e MODULE 0xOFFSET` makes a line of the source.
 * Small objects share pages; they have no owner and leave no record.
 *
 * Nothing is written per page: a record stands at the first page of what was
 * allocated or freed, with the number of pages that it is about, and numbers
 * tell which of two records is the later one.  Only a fault looks for the
 * records that cover a page: from there backward, as far as LOOK_BACK pages.
 *
 * Invariants
 *  1. The last record that covers a page is about what happened to it last.
 *  2. A record that is overwritten by a shorter one, as when only the first
 *     part of a run is freed, goes on behind it, unless a later one is there.
 *
 * Locking: none.  A record is written by the thread that owns the pages, or
 * owned them a moment ago, and a fault may read it at the same time, hence
 * atomic; at worst a message names somebody else.  A free draws its number
 * while the pages are still its own: who gets them next has a higher one.
 * Cost: a shared counter, a few stores, and that of host_backtrace; 160 bytes
 * of metadata for each page at which something began.  A fault: 160 MiB of
 * metadata looked through.
 *
 * What it is not: complete.  What began more than LOOK_BACK pages (4 GiB)
 * before a free page is not found.
 */
#include "page_owner.h"

#include <stdio.h>

#define LOOK_BACK (1u << 20)

/* All-zero: there is none. */
struct record {
	void *frame[OWNER_FRAMES]; /* (A) return addresses; NULL ends */
	u64 number;   /* (A) of the event; later ones have higher numbers */
	u64 nr_pages; /* (A) from the page where it stands */
};

struct owner {
	struct record allocated, freed;
};

size_t page_owner_bytes(u64 nr_pages)
{
	return nr_pages * sizeof(struct owner);
}

struct owner_mark page_owner_mark(struct fixheap *heap, void *caller)
{
	u64 number =
		__atomic_add_fetch(&heap->nr_owner_marks, 1, __ATOMIC_RELAXED);

	return (struct owner_mark){ caller, number };
}

static struct record read_record(const struct record *record)
{
	struct record value = {
		.number = __atomic_load_n(&record->number, __ATOMIC_RELAXED),
		.nr_pages =
			__atomic_load_n(&record->nr_pages, __ATOMIC_RELAXED),
	};

	for (u32 i = 0; i < OWNER_FRAMES; i++)
		value.frame[i] =
			__atomic_load_n(&record->frame[i], __ATOMIC_RELAXED);
	return value;
}

static void write_record(struct record *record, struct record value)
{
	for (u32 i = 0; i < OWNER_FRAMES; i++)
		__atomic_store_n(&record->frame[i], value.frame[i],
				 __ATOMIC_RELAXED);
	__atomic_store_n(&record->number, value.number, __ATOMIC_RELAXED);
	__atomic_store_n(&record->nr_pages, value.nr_pages, __ATOMIC_RELAXED);
}

/* What happens now, and who asked for it. */
static struct record make_record(struct owner_mark mark, u64 nr_pages)
{
	struct record record = { .frame = { mark.caller },
				 .number = mark.number,
				 .nr_pages = nr_pages };

	host_backtrace(mark.caller, &record.frame[1], OWNER_FRAMES - 1);
	return record;
}

/* rest: the record of the same sort at the page behind the new one's last. */
static void replace(struct record *record, struct record value,
		    struct record *rest)
{
	struct record old = read_record(record);

	if (old.nr_pages > value.nr_pages &&
	    read_record(rest).number < old.number) {
		old.nr_pages -= value.nr_pages;
		write_record(rest, old);
	}
	write_record(record, value);
}

void page_owner_alloc(struct fixheap *heap, const void *start, u64 nr_pages,
		      void *caller)
{
	struct owner_mark mark = page_owner_mark(heap, caller);
	struct owner *owner = &heap->owner[addr_to_pfn(heap, start)];
	struct record value = make_record(mark, nr_pages);

	replace(&owner->allocated, value, &owner[nr_pages].allocated);
}

void page_owner_free(struct fixheap *heap, u64 pfn, u64 nr_pages,
		     struct owner_mark mark)
{
	struct owner *owner = &heap->owner[pfn];
	struct record value = make_record(mark, nr_pages);

	replace(&owner->freed, value, &owner[nr_pages].freed);
}

void page_owner_resize(struct fixheap *heap, const void *start,
		       const u64 nr_pages[2], struct owner_mark mark)
{
	u64 pfn = addr_to_pfn(heap, start), from = nr_pages[0],
	    to = nr_pages[1];
	struct record value = read_record(&heap->owner[pfn].allocated);

	if (to < from)
		page_owner_free(heap, pfn + to, from - to, mark);
	if (to <= from)
		return;
	value.number = mark.number;
	value.nr_pages = to;
	write_record(&heap->owner[pfn].allocated, value);
}

/* Keep the later one in *last, if it is about the page `distance` behind. */
static void later(struct record *last, const struct record *record,
		  u64 distance)
{
	u64 nr = __atomic_load_n(&record->nr_pages, __ATOMIC_RELAXED);
	u64 number = __atomic_load_n(&record->number, __ATOMIC_RELAXED);

	if (nr > distance && number > last->number)
		*last = read_record(record);
}

/* What happened to the page last; zero where nothing is known. */
static struct owner find(const struct fixheap *heap, u64 pfn)
{
	u64 nr = min_u64(pfn - heap->start_pfn, LOOK_BACK);
	struct owner last = { .allocated = { .number = 0 } };

	for (u64 i = 0; i <= nr; i++) {
		later(&last.allocated, &heap->owner[pfn - i].allocated, i);
		later(&last.freed, &heap->owner[pfn - i].freed, i);
	}
	return last;
}

/* Behind n bytes of the text, what was done and by whom; how many there are
 * then. */
static int append(char *text, size_t bytes, int n, const char *done,
		  const struct record *record)
{
	char place[OWNER_PLACE_BYTES];

	for (u32 i = 0; i < OWNER_FRAMES && record->frame[i]; i++) {
		if (n >= (int)bytes)
			return n;
		/* the call returns there: the byte before is part of it */
		host_symbol((const char *)record->frame[i] - 1, place,
			    sizeof(place));
		n += snprintf(text + n, bytes - (size_t)n, "%s%s",
			      i ? " < " : done, place);
	}
	return n;
}

void page_owner_text(const struct fixheap *heap, u64 pfn, char *text,
		     size_t bytes)
{
	struct owner owner = find(heap, pfn);
	bool freed = owner.freed.number > owner.allocated.number;
	int n = 0;

	text[0] = '\0';
	if (owner.allocated.number)
		n = append(text, bytes, n, "; allocated at ", &owner.allocated);
	if (freed)
		append(text, bytes, n, n ? ", freed at " : "; freed at ",
		       &owner.freed);
}
