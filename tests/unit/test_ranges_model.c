/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_ranges_model.c: mm/ranges.c against an oracle that knows the regions by
 * their addresses only.
 *
 * Regions of all sizes come and go in three windows of memory that lie far
 * apart: alone, touching, in the same pageblock, with keys that agree or not.
 * After each step the heap's tables are looked at from one end to the other.
 */
#include "regions_test.h"

#define WINDOWS 3
#define WINDOW_BLOCKS 24
#define REGIONS 40

/* What the oracle knows of a region; bytes 0: not in use. */
struct known {
	char *base;
	size_t bytes;
	u64 key;
};

struct model {
	struct test_heap t;
	struct test_heap window[WINDOWS]; /* memory and base only */
	struct known known[REGIONS];
	u64 seed;
	u64 nr_added, nr_joined;
};

static bool overlaps(const struct known *a, const char *base, size_t bytes)
{
	return a->bytes && base < a->base + a->bytes && a->base < base + bytes;
}

static uintptr_t first_page(const struct known *known)
{
	return round_up((uintptr_t)known->base, PAGE_BYTES);
}

static uintptr_t last_end(const struct known *known)
{
	return round_down((uintptr_t)known->base + known->bytes, PAGE_BYTES);
}

/* Whether a region has this page. */
static bool has_page(const struct model *m, uintptr_t page)
{
	for (u32 i = 0; i < REGIONS; i++) {
		const struct known *known = &m->known[i];

		if (known->bytes && first_page(known) <= page &&
		    last_end(known) > page)
			return true;
	}
	return false;
}

/* --- the tables ----------------------------------------------------------- */

static uintptr_t address(const struct fixheap *heap, u64 pfn)
{
	return (uintptr_t)pfn_to_addr(heap, pfn);
}

/* Two neighbours by page number. */
static void check_pair(struct model *m, const struct range *a,
		       const struct range *b)
{
	const struct fixheap *heap = m->t.heap;
	uintptr_t end = address(heap, a->end_pfn - 1) + PAGE_BYTES;
	uintptr_t start = address(heap, b->start_pfn);

	assert_true(a->end_pfn <= b->start_pfn);
	assert_int_equal(b->below, range_id(heap, a) + 1);
	assert_int_equal(a->above, range_id(heap, b) + 1);
	if ((a->end_pfn - 1) >> BLOCK_SHIFT == b->start_pfn >> BLOCK_SHIFT) {
		assert_int_equal(start - end, BYTES(b->start_pfn - a->end_pfn));
	}
	if (a->end_pfn == b->start_pfn) {
		m->nr_joined++;
		assert_int_equal(end, start);
		assert_int_equal(a->key, b->key);
		assert_true(a->key != FIXHEAP_KEY_NONE);
	}
}

static void check_pages(struct model *m, const struct range *range)
{
	const struct fixheap *heap = m->t.heap;
	u64 nr = range->end_pfn - range->start_pfn;

	for (u32 i = 0; i < 20; i++) {
		u64 pfn = range->start_pfn + random_below(&m->seed, nr);
		char *addr;

		pfn = i == 0 ? range->start_pfn : pfn;
		pfn = i == 1 ? range->end_pfn - 1 : pfn;
		addr = pfn_to_addr(heap, pfn);
		assert_int_equal(addr_to_pfn(heap, addr), pfn);
		assert_int_equal(addr_to_pfn(heap, addr + PAGE_BYTES - 1), pfn);
		assert_int_equal(addr - (char *)address(heap, range->start_pfn),
				 BYTES(pfn - range->start_pfn));
		assert_true(pfn_valid(heap, pfn));
	}
}

/* A region has all of its pages. */
static void check_known(struct model *m, const struct range *range)
{
	const struct known *known = &m->known[range_id(m->t.heap, range)];
	uintptr_t start = address(m->t.heap, range->start_pfn);
	uintptr_t end = address(m->t.heap, range->end_pfn - 1) + PAGE_BYTES;

	assert_ptr_equal(range->base, known->base);
	assert_int_equal(range->bytes, known->bytes);
	assert_int_equal(range->key, known->key);
	assert_int_equal(start, first_page(known));
	assert_int_equal(end, last_end(known));
	assert_int_equal((end - start) / PAGE_BYTES,
			 range->end_pfn - range->start_pfn);
}

/* range_at of each pageblock that there can be. */
static void check_blocks(struct model *m)
{
	const struct fixheap *heap = m->t.heap;
	u64 nr_blocks = heap->end_pfn >> BLOCK_SHIFT;
	const struct range *range = range_next_locked(heap, NULL);

	for (u64 b = 0; b < nr_blocks; b++) {
		bool has;

		while (range && (range->end_pfn - 1) >> BLOCK_SHIFT < b)
			range = range_next_locked(heap, range);
		has = range && range->start_pfn >> BLOCK_SHIFT <= b;
		assert_int_equal(heap->range_at[b],
				 has ? range_id(heap, range) + 1 : 0);
	}
}

/* Pages of memory are known if a region has them, and no others. */
static void check_memory(struct model *m)
{
	const struct fixheap *heap = m->t.heap;

	for (u32 i = 0; i < WINDOWS * WINDOW_BLOCKS * 4; i++) {
		u64 at = i / WINDOWS * (BLOCK_BYTES / 4) +
			 random_below(&m->seed, 2) * PAGE_BYTES;
		char *page = m->window[i % WINDOWS].base + at;
		u64 pfn = addr_to_pfn(heap, page);

		assert_int_equal(pfn_valid(heap, pfn),
				 has_page(m, (uintptr_t)page));
	}
}

static void check_pointers(struct model *m)
{
	for (u32 i = 0; i < 50; i++) {
		u32 w = (u32)random_below(&m->seed, WINDOWS);
		char *ptr = m->window[w].base +
			    random_below(&m->seed, WINDOW_BLOCKS * BLOCK_BYTES);
		struct fixheap_region region = FIXHEAP_REGION_INIT;
		int ret = fixheap_region_of(m->t.heap, ptr, &region);
		const struct range *range;
		u32 id = 0;

		assert_int_equal(fixheap_owns(m->t.heap, ptr), !ret);
		while (id < REGIONS && !overlaps(&m->known[id], ptr, 1))
			id++;
		if (ret) {
			assert_int_equal(ret, -ENOENT);
			if (id == REGIONS)
				continue;
			/* of a region, but in no page of it */
			range = &m->t.heap->range[id];
			assert_true(
				(uintptr_t)ptr <
					address(m->t.heap, range->start_pfn) ||
				(uintptr_t)ptr >=
					address(m->t.heap, range->end_pfn - 1) +
						PAGE_BYTES);
			continue;
		}
		assert_int_equal(region.id, id);
		assert_ptr_equal(region.base, m->known[id].base);
		assert_int_equal(region.bytes, m->known[id].bytes);
		assert_int_equal(region.key, m->known[id].key);
		assert_int_equal(region.offset, ptr - m->known[id].base);
		assert_int_equal(region.flags, 0);
	}
}

static void check_all(struct model *m)
{
	const struct fixheap *heap = m->t.heap;
	const struct range *range = NULL, *next;
	u64 nr = 0, pages = 0, row = 0, longest = 0;

	for (u32 i = 0; i < REGIONS; i++)
		assert_int_equal(!!m->known[i].bytes, !!heap->range[i].end_pfn);
	while ((next = range_next_locked(heap, range))) {
		if (!range)
			assert_int_equal(next->below, 0);
		else
			check_pair(m, range, next);
		if (!range || range->end_pfn != next->start_pfn)
			row = 0;
		range = next;
		nr++;
		pages += range->end_pfn - range->start_pfn;
		row += range->end_pfn - range->start_pfn;
		longest = max_u64(longest, row);
		assert_true(range->start_pfn >= BLOCK_PAGES);
		assert_true(range->end_pfn <= heap->end_pfn);
		check_pages(m, range);
		check_known(m, range);
	}
	assert_int_equal(nr, heap->nr_ranges);
	assert_int_equal(heap->range_seq % 2, 0);
	check_blocks(m);
	check_memory(m);
	check_pointers(m);
	regions_count(&m->t, pages, 0);
	assert_int_equal(m->t.region->nr_free, pages);
	assert_int_equal(largest_free(&m->t), longest);
}

/* --- what happens --------------------------------------------------------- */

/* A place: alone, or with luck right behind or before another region. */
static char *choose_place(struct model *m, size_t bytes)
{
	const struct known *near = &m->known[random_below(&m->seed, REGIONS)];
	u32 w = (u32)random_below(&m->seed, WINDOWS);
	u64 how = random_below(&m->seed, 8);
	size_t at = random_below(&m->seed, WINDOW_BLOCKS * BLOCK_BYTES - bytes);

	if (near->bytes && how < 3)
		return near->base + near->bytes;
	if (near->bytes && how < 5)
		return near->base - bytes;
	if (how == 5)
		at = round_down(at, BLOCK_BYTES);
	else if (how == 6)
		at = round_down(at, PAGE_BYTES);
	return m->window[w].base + at;
}

static bool is_inside(const struct model *m, const char *base, size_t bytes)
{
	for (u32 w = 0; w < WINDOWS; w++) {
		const char *window = m->window[w].base;

		if (base >= window &&
		    base + bytes <= window + WINDOW_BLOCKS * BLOCK_BYTES)
			return true;
	}
	return false;
}

static size_t choose_bytes(struct model *m)
{
	size_t bytes;

	switch (random_below(&m->seed, 4)) {
	case 0:
		return BYTES(1 + random_below(&m->seed, 20));
	case 1:
		return BYTES(1 + random_below(&m->seed, 2 * BLOCK_PAGES));
	case 2:
		bytes = BLOCK_BYTES * (1 + random_below(&m->seed, 4));
		return bytes;
	default:
		return PAGE_BYTES +
		       random_below(&m->seed, 10 * BLOCK_BYTES - PAGE_BYTES);
	}
}

static void add_one(struct model *m)
{
	static const u64 keys[] = { 0, 0, 0, 7, FIXHEAP_KEY_NONE };
	struct known want = { .bytes = choose_bytes(m) };
	int expected = 0, id;

	want.base = choose_place(m, want.bytes);
	want.key = keys[random_below(&m->seed, ARRAY_LEN(keys))];
	if (!is_inside(m, want.base, want.bytes))
		return;
	for (u32 i = REGIONS; i-- > 0;) {
		if (!m->known[i].bytes)
			expected = (int)i;
	}
	for (u32 i = 0; i < REGIONS; i++) {
		if (overlaps(&m->known[i], want.base, want.bytes))
			expected = -EINVAL;
	}
	if (expected >= 0 && first_page(&want) >= last_end(&want))
		expected = -EINVAL;
	if (expected >= 0 && m->t.heap->nr_ranges == REGIONS)
		expected = -ENOSPC;
	id = region_add_at(&m->t, want.base, want.bytes, want.key);
	if (id != expected)
		fail_msg("%p, %zu bytes: %d, not %d", (void *)want.base,
			 want.bytes, id, expected);
	if (id < 0)
		return;
	m->known[id] = want;
	m->nr_added++;
}

static void remove_one(struct model *m)
{
	u32 id = (u32)random_below(&m->seed, REGIONS);
	int ret = fixheap_offline_region(m->t.heap, id, 0);

	assert_int_equal(ret, m->known[id].bytes ? 0 : -ENOENT);
	m->known[id].bytes = 0;
}

static void test_model(void **state)
{
	static const uintptr_t hint[WINDOWS] = { 0, (uintptr_t)0x10 << 40,
						 (uintptr_t)0x5a << 40 };
	static struct model m;
	const struct regions_spec spec = { .nr_blocks = WINDOW_BLOCKS,
					   .start = 700,
					   .nr_pages = 1000,
					   .max_regions = REGIONS };

	(void)state;
	m = (struct model){ .seed = nodes_seed("test_ranges_model") };
	regions_make(&m.t, &spec);
	m.window[0] = m.t;
	for (u32 w = 1; w < WINDOWS; w++)
		regions_map(&m.window[w], WINDOW_BLOCKS, hint[w]);
	m.known[0] =
		(struct known){ m.t.base + BYTES(700), BYTES(1000), spec.key };
	check_all(&m);
	for (u32 i = 0; i < TEST_STEPS(1500); i++) {
		/* at times there are many of them, at times few */
		u64 often = i / 100 % 2 ? 3 : 7;

		if (random_below(&m.seed, 10) < often)
			add_one(&m);
		else
			remove_one(&m);
		check_all(&m);
	}
	assert_true(m.nr_added);
	/* so many steps are never without one; a tenth of them may be */
	if (TEST_STEPS(1500) == 1500)
		assert_true(m.nr_joined);
	for (u32 id = 0; id < REGIONS; id++)
		assert_int_equal(fixheap_offline_region(m.t.heap, id, 0),
				 m.known[id].bytes ? 0 : -ENOENT);
	regions_count(&m.t, 0, 0);
	for (u32 w = 1; w < WINDOWS; w++)
		munmap(m.window[w].memory, m.window[w].bytes);
	heap_end(&m.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests_name("ranges_model", tests, NULL, NULL);
}
