/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_regions.c: fixheap_add_region and fixheap_region_of: memory in pieces.
 */
#include <sys/mman.h>

#include "spread.h"

#define NR_MANY 1000

#ifdef __SANITIZE_THREAD__
#define FAR_POSSIBLE 0
#else
#define FAR_POSSIBLE 1
#endif

static struct spread s;

static int setup(void **state)
{
	(void)state;
	spread_prepare(&s);
	heap_open(&s.t);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	spread_close(&s);
	return 0;
}

static size_t largest(void)
{
	return fixheap_largest_free(s.t.heap, NULL);
}

static void test_add(void **state)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;
	unsigned id = spread_must_add(&s, 16 * MIB, 8 * MIB, 42);
	char *array;

	(void)state;
	assert_int_equal(id, 1);
	assert_int_equal(spread_bytes(&s), SPREAD_FIRST + 8 * MIB);
	assert_int_equal(heap_regions(&s.t, 0), 2);
	region = region_of(&s.t, s.memory + 20 * MIB + 5);
	assert_ptr_equal(region.base, s.memory + 16 * MIB);
	assert_int_equal(region.bytes, 8 * MIB);
	assert_int_equal(region.key, 42);
	assert_int_equal(region.id, id);
	assert_int_equal(region.offset, 4 * MIB + 5);
	assert_int_equal(region.flags, 0);
	region = region_of(&s.t, s.memory);
	assert_int_equal(region.id, 0);
	assert_int_equal(region.bytes, SPREAD_FIRST);
	assert_int_equal(largest(), 8 * MIB);
	array = array_make(&s.t, 8 * MIB, 0);
	assert_ptr_equal(array, s.memory + 16 * MIB);
	fixheap_array_free(s.t.heap, array);
	assert_int_equal(spread_fill(&s, 1, false),
			 spread_bytes(&s) / fixheap_page_size());
}

/* ---- regions that touch each other --------------------------------------- */

#define NONE FIXHEAP_KEY_NONE

static const struct touching {
	size_t border;	 /* the first one ends here, from 8 MiB on */
	uint64_t key[2]; /* of the lower one, of the upper one */
	bool one;	 /* to the allocator */
	bool upper_first;
} touching[] = {
	{ 12 * MIB, { 7, 7 }, true, false },
	{ 12 * MIB, { 7, 7 }, true, true },
	{ 13 * MIB, { 7, 7 }, true, false },
	{ 13 * MIB, { 7, 7 }, true, true },
	{ 12 * MIB + 4096, { 0, 0 }, true, false },
	{ 14 * MIB - 4096, { 1, 1 }, true, true },
	{ 12 * MIB, { 7, 8 }, false, false },
	{ 12 * MIB, { 8, 7 }, false, true },
	{ 12 * MIB, { NONE, NONE }, false, false },
	{ 12 * MIB, { 7, NONE }, false, true },
	{ 13 * MIB, { 7, 8 }, false, false },
	{ 13 * MIB, { NONE, NONE }, false, true },
	{ 13 * MIB, { NONE, 7 }, false, false },
	{ 12 * MIB + 4096, { 1, 2 }, false, true },
	{ 14 * MIB - 4096, { 1, 2 }, false, false },
};

static void check_touching(const struct touching *t)
{
	const size_t from = 8 * MIB, to = 20 * MIB, page = fixheap_page_size();
	size_t all = (SPREAD_FIRST + to - from) / page, filled;
	size_t longer = to - t->border; /* the upper one, always */
	unsigned lost = !t->one && t->border % BLOCK_BYTES, id[2], i;
	char *array;

	for (i = 0; i < 2; i++) {
		unsigned k = t->upper_first ? !i : i;
		size_t start = k ? t->border : from;
		size_t end = k ? to : t->border;

		id[k] = spread_must_add(&s, start, end - start, t->key[k]);
	}
	filled = spread_fill(&s, 1, true);
	assert_in_range(filled, all - lost, all);
	heap_used(&s.t);
	assert_in_range(largest(), t->one ? to - from : longer - lost * page,
			t->one ? to - from : longer);
	array = array_make(&s.t, to - from, 0);
	assert_int_equal(!!array, t->one);
	if (array) {
		assert_int_equal(region_of(&s.t, array).id, id[0]);
		assert_int_equal(region_of(&s.t, array + (to - from) - 1).id,
				 id[1]);
		fill(array, to - from, 1);
		assert_true(is_filled(array, to - from, 1));
	}
	fixheap_array_free(s.t.heap, array);
	if (!t->one) {
		for (i = 2; i < 600; i = i * 3 + 1)
			spread_fill(&s, i, false);
	}
	heap_used(&s.t);
	heap_valid(&s.t);
}

static void test_touching(void **state)
{
	for (unsigned i = 0; i < ARRAY_LEN(touching); i++) {
		if (i) {
			spread_close(&s);
			setup(state);
		}
		check_touching(&touching[i]);
	}
}

/* The one in the middle comes last: all three are one. */
static void test_three(void **state)
{
	char *array;

	(void)state;
	spread_must_add(&s, 8 * MIB, 3 * MIB, 7);
	spread_must_add(&s, 16 * MIB, 3 * MIB, 7);
	assert_int_equal(largest(), SPREAD_FIRST);
	spread_must_add(&s, 11 * MIB, 5 * MIB, 7);
	assert_int_equal(largest(), 11 * MIB);
	array = array_make(&s.t, 11 * MIB, 0);
	assert_ptr_equal(array, s.memory + 8 * MIB);
	fixheap_array_free(s.t.heap, array);
}

/* While both sides are in use; and what is freed grows together. */
static void test_joined(void **state)
{
	char *array;

	(void)state;
	spread_must_add(&s, 8 * MIB, 5 * MIB, 7);
	array = array_make(&s.t, 5 * MIB, 0);
	assert_ptr_equal(array, s.memory + 8 * MIB);
	spread_must_add(&s, 13 * MIB, 4 * MIB, 7);
	/* An array grows into the region behind its own. */
	assert_int_equal(fixheap_array_resize(s.t.heap, array, 9 * MIB), 0);
	heap_valid(&s.t);
	fixheap_array_free(s.t.heap, array);
	spread_must_add(&s, 17 * MIB, MIB, 8);
	array = array_make(&s.t, 9 * MIB, 0);
	assert_ptr_equal(array, s.memory + 8 * MIB);
	/* but not into that of another key */
	assert_int_equal(fixheap_array_resize(s.t.heap, array, 9 * MIB + 1),
			 -ENOMEM);
	fixheap_array_free(s.t.heap, array);
}

/* ---- odd ones ------------------------------------------------------------ */

static const struct {
	size_t offset, bytes;
} odd[] = {
	{ 8 * MIB + 1, 100000 },	 { 9 * MIB + 4095, 4097 },
	{ 10 * MIB - 5000, 10000 },	 { 11 * MIB + 4096, 4096 },
	{ 11 * MIB + 16384, 8191 },	 { 12 * MIB - 4096, 4096 + 4096 },
	{ 13 * MIB + 8192, 3 * MIB },	 { 17 * MIB + 12345, 4 * MIB + 54321 },
	{ 24 * MIB, 2 * MIB },		 { 27 * MIB, 2 * MIB },
	{ 31 * MIB + 77777, 20 * 4096 }, { 33 * MIB - 4096, 2 * MIB + 8192 },
};

static void test_odd(void **state)
{
	size_t page = fixheap_page_size(), had = SPREAD_FIRST;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(odd); i++) {
		size_t first = (odd[i].offset + page - 1) / page;
		size_t end = (odd[i].offset + odd[i].bytes) / page;

		spread_must_add(&s, odd[i].offset, odd[i].bytes, i % 3);
		had += (end - first) * page;
		assert_int_equal(spread_bytes(&s), had);
		assert_int_equal(spread_fill(&s, 1, false), had / page);
	}
	for (unsigned i = 2; i < 600; i = i * 2 + 1)
		spread_fill(&s, i, false);
	assert_int_equal(heap_used(&s.t), 0);
	assert_int_equal(largest(), 4 * MIB + 48 * KIB);
}

/* They touch within a page: it is nobody's, whatever the keys say. */
static void test_odd_border(void **state)
{
	size_t page = fixheap_page_size(), border = 12 * MIB + 100;

	(void)state;
	spread_must_add(&s, 8 * MIB, border - 8 * MIB, 7);
	spread_must_add(&s, border, 16 * MIB - border, 7);
	assert_int_equal(spread_fill(&s, 1, false),
			 (SPREAD_FIRST + 8 * MIB) / page - 1);
	heap_used(&s.t);
	assert_int_equal(largest(), 4 * MIB);
	assert_false(fixheap_owns(s.t.heap, s.memory + 12 * MIB + 200));
}

/* Many in one pageblock: each page is used, nothing between them is. */
static void test_tiny(void **state)
{
	size_t page = fixheap_page_size(), nr = 0;
	char *guard = s.memory + 8 * MIB;

	(void)state;
	memset(guard, 0x5a, BLOCK_BYTES);
	for (size_t at = 0; at + 9 * page <= BLOCK_BYTES; at += 9 * page) {
		spread_must_add(&s, 8 * MIB + at, page, 1);
		spread_must_add(&s, 8 * MIB + at + 2 * page, 2 * page, NONE);
		spread_must_add(&s, 8 * MIB + at + 5 * page, 3 * page, 1);
		nr += 6;
	}
	assert_int_equal(spread_fill(&s, 1, false), SPREAD_FIRST / page + nr);
	for (unsigned i = 2; i < 9; i++)
		spread_fill(&s, i, false);
	heap_used(&s.t);
	for (size_t at = 0; at + 9 * page <= BLOCK_BYTES; at += 9 * page) {
		assert_true(is_byte(guard + at + page, page, 0x5a));
		assert_true(is_byte(guard + at + 4 * page, page, 0x5a));
		assert_true(is_byte(guard + at + 8 * page, page, 0x5a));
		assert_false(fixheap_owns(s.t.heap, guard + at + page));
	}
}

/* ---- a thousand ---------------------------------------------------------- */

static void check_region_of(uint64_t *seed, const unsigned *id)
{
	size_t page = fixheap_page_size(), stride = 7 * page;
	size_t at = random_below(seed, NR_MANY * stride), i = at / stride;
	struct fixheap_region region = FIXHEAP_REGION_INIT;
	char *ptr = s.memory + 8 * MIB + at;
	bool inside = at % stride < (1 + i % 5) * page;

	assert_int_equal(fixheap_region_of(s.t.heap, ptr, &region),
			 inside ? 0 : -ENOENT);
	assert_int_equal(fixheap_owns(s.t.heap, ptr), inside);
	if (!inside)
		return;
	assert_int_equal(region.id, id[i]);
	assert_int_equal(region.key, i);
	assert_int_equal(region.offset, at % stride);
	assert_int_equal(region.bytes, (1 + i % 5) * page);
	assert_ptr_equal((char *)region.base + region.offset, ptr);
}

static void test_thousand(void **state)
{
	size_t page = fixheap_page_size(), pages = SPREAD_FIRST / page;
	static unsigned id[NR_MANY];
	uint64_t seed = 3;
	unsigned i;

	(void)state;
	for (i = 0; i < NR_MANY; i++) {
		assert_int_equal(spread_add(&s, 8 * MIB + i * 7 * page,
					    (1 + i % 5) * page, i, &id[i]),
				 0);
		pages += 1 + i % 5;
	}
	heap_valid(&s.t);
	assert_int_equal(heap_regions(&s.t, 0), NR_MANY + 1);
	assert_int_equal(spread_bytes(&s), pages * page);
	for (i = 0; i < 100000; i++)
		check_region_of(&seed, id);
	assert_int_equal(spread_fill(&s, 1, false), pages);
	spread_fill(&s, 5, false);
	for (i = 0; i < NR_MANY; i++)
		assert_int_equal(fixheap_offline_region(s.t.heap, id[i], 0), 0);
	heap_valid(&s.t);
	assert_int_equal(heap_regions(&s.t, 0), 1);
	assert_int_equal(spread_bytes(&s), SPREAD_FIRST);
}

/* ---- what cannot be ------------------------------------------------------ */

static void test_bad(void **state)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT, good;
	size_t page = fixheap_page_size();
	unsigned id;

	(void)state;
	assert_int_equal(spread_add(&s, 8 * MIB, 0, 1, &id), -EINVAL);
	assert_int_equal(spread_add(&s, 8 * MIB, page - 1, 1, &id), -EINVAL);
	/* no whole page in it */
	assert_int_equal(spread_add(&s, 8 * MIB + 1, 2 * page - 2, 1, &id),
			 -EINVAL);
	assert_int_equal(spread_add(&s, 2 * MIB, MIB, 1, &id), -EINVAL);
	assert_int_equal(spread_add(&s, 8 * MIB, SIZE_MAX - MIB, 1, &id),
			 -EINVAL);
	assert_int_equal(fixheap_add_region(s.t.heap, &region), -EINVAL);
	region.base = s.memory + 8 * MIB;
	region.bytes = MIB;
	good = region;
	region.size = 4;
	assert_int_equal(fixheap_add_region(s.t.heap, &region), -EINVAL);
	region = good;
	region.flags = 0x100;
	assert_int_equal(fixheap_add_region(s.t.heap, &region), -EINVAL);
	region = good;
	region.node = 1000;
	assert_int_equal(fixheap_add_region(s.t.heap, &region), -ENODEV);
	/* more than max_bytes: SPREAD_BYTES */
	assert_int_equal(spread_add(&s, 8 * MIB, SPREAD_BYTES, 1, &id),
			 -ENOSPC);
	assert_int_equal(heap_regions(&s.t, 0), 1);
	heap_valid(&s.t);
	region = good;
	region.size = 4;
	assert_int_equal(fixheap_region_of(s.t.heap, s.memory, &region),
			 -EINVAL);
	assert_int_equal(fixheap_region_at(s.t.heap, 0, &region), -EINVAL);
	region = good;
	assert_int_equal(fixheap_region_of(s.t.heap, NULL, &region), -ENOENT);
	assert_int_equal(fixheap_region_at(s.t.heap, 1, &region), -ENOENT);
	assert_int_equal(fixheap_region_at(s.t.heap, ~0u, &region), -ENOENT);
}

static void test_max_regions(void **state)
{
	unsigned id;

	(void)state;
	spread_close(&s);
	spread_prepare(&s);
	s.t.config.max_regions = 3;
	heap_open(&s.t);
	spread_must_add(&s, 8 * MIB, MIB, 1);
	spread_must_add(&s, 10 * MIB, MIB, 1);
	assert_int_equal(spread_add(&s, 12 * MIB, MIB, 1, &id), -ENOSPC);
	assert_int_equal(fixheap_offline_region(s.t.heap, 1, 0), 0);
	assert_int_equal(spread_must_add(&s, 12 * MIB, MIB, 1), 1);
}

/* Without max_bytes a fixed heap is what it was given. */
static void test_max_default(void **state)
{
	unsigned id;

	(void)state;
	spread_close(&s);
	spread_prepare(&s);
	s.t.config.max_bytes = 0;
	heap_open(&s.t);
	assert_int_equal(spread_add(&s, 8 * MIB, MIB, 1, &id), -ENOSPC);
}

/* Where its address is far from the others': either it can be used, or it is
 * said that it cannot. */
static void test_far(void **state)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;
	char *array;
	int err;

	(void)state;
	need(FAR_POSSIBLE, "ThreadSanitizer knows no such address");
	region.base = mmap((void *)((uintptr_t)1 << 40), 8 * MIB,
			   PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				   MAP_FIXED_NOREPLACE,
			   -1, 0);
	need(region.base != MAP_FAILED, "that address is taken");
	region.bytes = 8 * MIB;
	err = fixheap_add_region(s.t.heap, &region);
	assert_true(!err || err == -ERANGE);
	if (!err) {
		array = array_make(&s.t, 8 * MIB, 0);
		assert_ptr_equal(array, region.base);
		memset(array, 1, 8 * MIB);
		fixheap_array_free(s.t.heap, array);
		assert_int_equal(fixheap_offline_region(s.t.heap, region.id, 0),
				 0);
	}
	heap_valid(&s.t);
	munmap(region.base, 8 * MIB);
}

/* Only what is said to read as zero is taken for that. */
static void test_zeroed(void **state)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;
	char *array;

	(void)state;
	memset(s.memory + 8 * MIB, 0xff, 4 * MIB);
	spread_must_add(&s, 8 * MIB, 4 * MIB, 1);
	region.base = s.memory + 16 * MIB;
	region.bytes = 6 * MIB;
	region.flags = FIXHEAP_REGION_ZEROED;
	assert_int_equal(fixheap_add_region(s.t.heap, &region), 0);
	for (unsigned i = 0; i < 3; i++) {
		array = array_make(&s.t, (4 + i) * MIB, FIXHEAP_ZERO);
		assert_non_null(array);
		assert_true(is_byte(array, (4 + i) * MIB, 0));
		memset(array, 0xee, (4 + i) * MIB);
		fixheap_array_free(s.t.heap, array);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(add),	   TEST(touching),    TEST(three),
		TEST(joined),	   TEST(odd),	      TEST(tiny),
		TEST(odd_border),  TEST(thousand),    TEST(bad),
		TEST(max_regions), TEST(max_default), TEST(far),
		TEST(zeroed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
