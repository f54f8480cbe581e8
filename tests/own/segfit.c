/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segfit.c: segregated fit on page runs
 *
 * An *area* is a row of our pages: blocks one behind the other, and a fence at
 * its end, which is a header of size 0 that is in use.  A block begins with its
 * size, and the size of the block before if that is free.  Free blocks are in
 * bins, two for each power of two.
 *
 * A run of pages that comes to lie behind or in front of an area is joined
 * with it, so that pages in a row are always one area.  The whole pages in the
 * middle of a free block go back at once, if there are a few: a part of one
 * run, or parts of several, as it comes.  What is left at both sides are areas
 * of their own then.
 */
#include <stdio.h>

#include "own/segfit.h"

#define HEADER 16u
#define MIN_BLOCK 32u	 /* a header and the links of a free block */
#define RUN_PAGES 8u	 /* asked for at a time, unless one needs more */
#define KEPT_PAGES 2u	 /* fewer whole pages than this stay */
#define USED ((size_t)1) /* the block itself */
#define FREE_BEFORE ((size_t)2)

struct segfit_block {
	size_t head;   /* bytes with the header, and flags */
	size_t before; /* bytes of the block before, if FREE_BEFORE */
	struct segfit_block *next, *previous; /* in its bin, if free */
};

static size_t size_of(const struct segfit_block *block)
{
	return block->head & ~(size_t)15;
}

static struct segfit_block *at(void *start, ptrdiff_t bytes)
{
	return (struct segfit_block *)((char *)start + bytes);
}

static struct segfit_block *behind(struct segfit_block *block)
{
	return at(block, (ptrdiff_t)size_of(block));
}

/* The block before one that has FREE_BEFORE. */
static struct segfit_block *before(struct segfit_block *block)
{
	return at(block, -(ptrdiff_t)block->before);
}

/* ---- bins ---------------------------------------------------------------- */

static unsigned bin_of(size_t bytes)
{
	unsigned log = 63 - (unsigned)__builtin_clzll(bytes);
	unsigned bin = 2 * (log - 5) + (bytes >> (log - 1) & 1);

	return bin < SEGFIT_BINS ? bin : SEGFIT_BINS - 1;
}

static void insert(struct segfit *s, struct segfit_block *block)
{
	unsigned n = bin_of(size_of(block));

	block->previous = NULL;
	block->next = s->bin[n];
	if (block->next)
		block->next->previous = block;
	s->bin[n] = block;
	s->filled |= (uint64_t)1 << n;
}

static void extract(struct segfit *s, struct segfit_block *block)
{
	unsigned n = bin_of(size_of(block));

	if (block->next)
		block->next->previous = block->previous;
	if (block->previous)
		block->previous->next = block->next;
	else
		s->bin[n] = block->next;
	if (!s->bin[n])
		s->filled &= ~((uint64_t)1 << n);
}

/* In its own bin the first that is large enough; in a later one, any is. */
static struct segfit_block *find(const struct segfit *s, size_t need)
{
	unsigned n = bin_of(need);
	struct segfit_block *block = s->bin[n];
	uint64_t later;

	while (block && size_of(block) < need)
		block = block->next;
	if (block)
		return block;
	later = n + 1 < SEGFIT_BINS ? s->filled >> (n + 1) << (n + 1) : 0;
	return later ? s->bin[__builtin_ctzll(later)] : NULL;
}

/* ---- pages --------------------------------------------------------------- */

static bool owns(const struct segfit *s, size_t page)
{
	return s->owned[page / 64] >> page % 64 & 1;
}

static void mark(struct segfit *s, const void *start, size_t nr_pages)
{
	size_t first = (size_t)((const char *)start - s->base) / s->page_bytes;

	for (size_t n = first; n < first + nr_pages; n++)
		s->owned[n / 64] ^= (uint64_t)1 << n % 64;
}

static bool starts_area(const struct segfit *s, const void *start)
{
	size_t offset = (size_t)((const char *)start - s->base);

	if (offset % s->page_bytes)
		return false;
	return !offset || !owns(s, offset / s->page_bytes - 1);
}

/* A free block; the one behind is told. */
static void put_free(struct segfit *s, struct segfit_block *block, size_t bytes)
{
	struct segfit_block *next = at(block, (ptrdiff_t)bytes);

	block->head = bytes;
	next->head |= FREE_BEFORE;
	next->before = bytes;
	insert(s, block);
}

/*
 * give_back - return the whole pages of a free block that is in no bin
 *
 * In front of them stays room for a block and a fence, or nothing if the area
 * begins with them; behind them for a block, or nothing if another begins
 * there, or the area ends: then its fence goes, too.
 * Return: whether that was done, and what is left of the block is in bins.
 */
static bool give_back(struct segfit *s, struct segfit_block *block)
{
	const uintptr_t page = s->page_bytes, start = (uintptr_t)block;
	const uintptr_t end = start + size_of(block);
	const bool first = starts_area(s, block);
	const bool last = !size_of((struct segfit_block *)end);
	uintptr_t from = (start + page - 1) & ~(page - 1);
	uintptr_t to = (last ? end + HEADER : end) & ~(page - 1);

	if (!first && from - start < MIN_BLOCK + HEADER)
		from += page;
	if (!last && to != end && end - to < MIN_BLOCK)
		to -= page;
	if (to < from + KEPT_PAGES * page && !(first && last))
		return false;
	if (!first) {
		((struct segfit_block *)(from - HEADER))->head = USED;
		put_free(s, block, from - HEADER - start);
	}
	if (!last && to == end)
		((struct segfit_block *)end)->head &= ~FREE_BEFORE;
	else if (!last)
		put_free(s, (struct segfit_block *)to, end - to);
	mark(s, (void *)from, (to - from) / page);
	s->nr_owned -= (to - from) / page;
	s->nr_given++;
	fixheap_pages_free(s->heap, (void *)from, (to - from) / page);
	return true;
}

/* A new run becomes a free block, with what is free at both sides of it. */
static void add_run(struct segfit *s, char *run, size_t nr)
{
	const size_t page = (size_t)(run - s->base) / s->page_bytes;
	struct segfit_block *block = (struct segfit_block *)run;
	struct segfit_block *end = at(run, (ptrdiff_t)(nr * s->page_bytes));

	if (page && owns(s, page - 1)) {
		s->nr_joined++;
		block = at(run, -(ptrdiff_t)HEADER);
		if (block->head & FREE_BEFORE) {
			block = before(block);
			extract(s, block);
		}
	}
	if (!owns(s, page + nr)) {
		end = at(end, -(ptrdiff_t)HEADER);
		end->head = USED;
	} else {
		s->nr_joined++;
		if (!(end->head & USED)) {
			extract(s, end);
			end = behind(end);
		}
	}
	mark(s, run, nr);
	s->nr_owned += nr;
	s->nr_taken++;
	put_free(s, block, (size_t)((char *)end - (char *)block));
}

static bool take_pages(struct segfit *s, size_t need)
{
	size_t nr = segfit_pages(s, need - HEADER);
	char *run = NULL;

	if (nr < RUN_PAGES)
		run = fixheap_pages_alloc(s->heap, RUN_PAGES, 0, NULL);
	if (run)
		nr = RUN_PAGES;
	else
		run = fixheap_pages_alloc(s->heap, nr, 0, NULL);
	if (run)
		add_run(s, run, nr);
	return run;
}

/* ---- the allocator ------------------------------------------------------- */

void segfit_init(struct segfit *s)
{
	s->page_bytes = fixheap_page_size();
}

size_t segfit_pages(const struct segfit *s, size_t bytes)
{
	return (bytes + 2 * HEADER + 15 + s->page_bytes - 1) / s->page_bytes;
}

void *segfit_alloc(struct segfit *s, size_t bytes)
{
	struct segfit_block *block;
	size_t need = (bytes + HEADER + 15) & ~(size_t)15, rest;

	if (bytes > SIZE_MAX / 2)
		return NULL;
	if (need < MIN_BLOCK)
		need = MIN_BLOCK;
	block = find(s, need);
	if (!block && take_pages(s, need))
		block = find(s, need);
	if (!block)
		return NULL;
	extract(s, block);
	rest = size_of(block) - need;
	behind(block)->head &= ~FREE_BEFORE;
	if (rest >= MIN_BLOCK) {
		block->head = need;
		put_free(s, behind(block), rest);
	}
	block->head |= USED;
	return (char *)block + HEADER;
}

void segfit_free(struct segfit *s, void *ptr)
{
	struct segfit_block *block, *next;
	size_t bytes;

	if (!ptr)
		return;
	block = (struct segfit_block *)((char *)ptr - HEADER);
	bytes = size_of(block);
	next = behind(block);
	if (!(next->head & USED)) {
		extract(s, next);
		bytes += size_of(next);
	}
	if (block->head & FREE_BEFORE) {
		bytes += block->before;
		block = before(block);
		extract(s, block);
	}
	block->head = bytes;
	if (!give_back(s, block))
		put_free(s, block, bytes);
}

/* ---- looking at it ------------------------------------------------------- */

/* The end of an area, or NULL if something is wrong in it. */
static char *check_area(const struct segfit *s, char *start, size_t *nr_free)
{
	struct segfit_block *block = (struct segfit_block *)start;
	size_t free_before = 0;

	for (;; block = behind(block)) {
		bool used = block->head & USED;

		if (!(block->head & FREE_BEFORE) != !free_before)
			return NULL;
		if (free_before && (!used || block->before != free_before))
			return NULL;
		if (!size_of(block))
			break;
		free_before = used ? 0 : size_of(block);
		*nr_free += !used;
	}
	start = (char *)block + HEADER;
	return (size_t)(start - s->base) % s->page_bytes ? NULL : start;
}

bool segfit_check(const struct segfit *s, size_t nr_pages)
{
	size_t nr_owned = 0, nr_free = 0, nr_binned = 0;

	for (size_t n = 0; n < nr_pages; n++) {
		char *start = s->base + n * s->page_bytes, *end;

		if (!owns(s, n))
			continue;
		end = check_area(s, start, &nr_free);
		for (; start < end; start += s->page_bytes, n++)
			nr_owned += owns(s, n);
		if (!end || owns(s, n)) {
			printf("# the area up to page %zu is wrong\n", n);
			return false;
		}
	}
	for (unsigned n = 0; n < SEGFIT_BINS; n++) {
		for (struct segfit_block *b = s->bin[n]; b; b = b->next)
			nr_binned += bin_of(size_of(b)) == n;
	}
	if (nr_owned == s->nr_owned && nr_free == nr_binned)
		return true;
	printf("# %zu pages, not %zu; %zu free blocks, %zu in bins\n", nr_owned,
	       s->nr_owned, nr_free, nr_binned);
	return false;
}
