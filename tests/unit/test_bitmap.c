/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_bitmap.c: mm/bitmap.c against loops over single bits.
 */
#include "support.h"

#include "bitmap.h"

/* Bitmaps made of a few rows, of random bits, all and nothing. */
static void make(u64 *words, u32 n, u64 *seed)
{
	memset(words, n % 5 == 1 ? 0xff : 0, BLOCK_WORDS * sizeof(words[0]));
	for (u32 i = 0; i < n % 7; i++) {
		u32 start = (u32)random_below(seed, BLOCK_PAGES);
		u32 nr = (u32)random_below(seed, BLOCK_PAGES - start) + 1;

		for (u32 bit = start; bit < start + nr; bit++)
			words[bit / 64] ^= 1ull << bit % 64;
	}
	for (u32 w = 0; w < BLOCK_WORDS && n % 5 == 2; w++)
		words[w] = random_below(seed, ~0ull);
}

static bool bit(const u64 *words, u32 i)
{
	return words[i / 64] >> i % 64 & 1;
}

static u32 naive_next(const u64 *words, u32 i, bool value)
{
	while (i < BLOCK_PAGES && bit(words, i) != value)
		i++;
	return i;
}

static u32 naive_before(const u64 *words, u32 i)
{
	u32 nr = 0;

	while (i && bit(words, i - 1)) {
		i--;
		nr++;
	}
	return nr;
}

static u32 naive_find(const u64 *words, u32 nr, u32 align)
{
	u32 best = BITMAP_NONE, best_row = BLOCK_PAGES + 1;

	for (u32 i = 0; i < BLOCK_PAGES; i += align) {
		u32 end = naive_next(words, i, false);
		u32 row = end - i + naive_before(words, i);

		if (end < i + nr || row >= best_row)
			continue;
		best = i;
		best_row = row;
	}
	return best;
}

static void test_next(void **state)
{
	u64 words[BLOCK_WORDS], seed = 1;

	(void)state;
	for (u32 n = 0; n < 200; n++) {
		make(words, n, &seed);
		for (u32 i = 0; i <= BLOCK_PAGES; i++) {
			u32 zero = naive_next(words, i, false);

			assert_int_equal(bitmap_next_one(words, i),
					 naive_next(words, i, true));
			assert_int_equal(bitmap_next_zero(words, i), zero);
			assert_int_equal(bitmap_ones_from(words, i), zero - i);
			assert_int_equal(bitmap_ones_before(words, i),
					 naive_before(words, i));
		}
	}
}

static void test_whole(void **state)
{
	u64 words[BLOCK_WORDS], seed = 2;

	(void)state;
	for (u32 n = 0; n < 500; n++) {
		u32 count = 0, last = BITMAP_NONE, longest = 0;

		make(words, n, &seed);
		for (u32 i = 0; i < BLOCK_PAGES; i++) {
			u32 row = naive_before(words, i + 1);

			count += bit(words, i);
			last = bit(words, i) ? i : last;
			longest = row > longest ? row : longest;
		}
		assert_int_equal(bitmap_count(words), count);
		assert_int_equal(bitmap_last_one(words), last);
		for (u32 least = 0; least <= BLOCK_PAGES;
		     least += least / 2 + 1)
			assert_int_equal(bitmap_longest(words, least),
					 longest > least ? longest : least);
	}
}

static void test_set_clear(void **state)
{
	u64 words[BLOCK_WORDS], want[BLOCK_WORDS], seed = 3;

	(void)state;
	for (u32 n = 0; n < 2000; n++) {
		u32 start = (u32)random_below(&seed, BLOCK_PAGES);
		u32 nr = (u32)random_below(&seed, BLOCK_PAGES - start) + 1;

		make(words, n, &seed);
		memcpy(want, words, sizeof(words));
		for (u32 i = start; i < start + nr; i++) {
			want[i / 64] |= 1ull << i % 64;
			want[i / 64] ^= (u64)(n % 2) << i % 64;
		}
		if (n % 2)
			bitmap_clear(words, start, nr);
		else
			bitmap_set(words, start, nr);
		assert_memory_equal(words, want, sizeof(words));
	}
}

static void test_set_ends(void **state)
{
	static const struct {
		u32 i, nr;
		u64 first, last;
	} table[] = {
		{ 0, 1, 1, 0 },		  { 0, 64, ~0ull, 0 },
		{ 0, 512, ~0ull, ~0ull }, { 63, 1, 1ull << 63, 0 },
		{ 448, 64, 0, ~0ull },	  { 511, 1, 0, 1ull << 63 },
		{ 1, 511, ~1ull, ~0ull },
	};
	u64 words[BLOCK_WORDS];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		memset(words, 0, sizeof(words));
		bitmap_set(words, table[i].i, table[i].nr);
		assert_int_equal(words[0], table[i].first);
		assert_int_equal(words[BLOCK_WORDS - 1], table[i].last);
		assert_int_equal(bitmap_count(words), table[i].nr);
		bitmap_clear(words, table[i].i, table[i].nr);
		assert_int_equal(bitmap_count(words), 0);
	}
}

static void test_find(void **state)
{
	u64 words[BLOCK_WORDS], seed = 4;

	(void)state;
	for (u32 n = 0; n < 4000; n++) {
		u32 nr = (u32)random_below(&seed, n % 3 ? 20 : 512) + 1;
		u32 align = 1u << random_below(&seed, BLOCK_SHIFT + 1);

		make(words, n, &seed);
		assert_int_equal(bitmap_find(words, nr, align),
				 naive_find(words, nr, align));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_set_clear),
		cmocka_unit_test(test_set_ends),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests_name("bitmap", tests, NULL, NULL);
}
