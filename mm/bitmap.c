/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bitmap.c: runs of ones in the 512 bits of a pageblock.
 *
 * Any length at any alignment, and coalescing free of charge: that is why the
 * page layer keeps bits and no lists.  Bit i is bit i % 64 of word i / 64.
 *
 * Locking: the caller's.  Cost: at most 8 words for the single steps and for
 * the longest row; to find one is proportional to the number of rows.
 */
#include "bitmap.h"

static u32 next_bit(const u64 *words, u32 i, u64 flip)
{
	u32 w = i / 64;
	u64 word;

	if (i >= BLOCK_PAGES)
		return BLOCK_PAGES;
	word = (words[w] ^ flip) & ~0ull << i % 64;
	while (!word) {
		if (++w == BLOCK_WORDS)
			return BLOCK_PAGES;
		word = words[w] ^ flip;
	}
	return w * 64 + (u32)__builtin_ctzll(word);
}

u32 bitmap_next_one(const u64 *words, u32 i)
{
	return next_bit(words, i, 0);
}

u32 bitmap_next_zero(const u64 *words, u32 i)
{
	return next_bit(words, i, ~0ull);
}

u32 bitmap_last_one(const u64 *words)
{
	for (u32 w = BLOCK_WORDS; w--;) {
		if (words[w])
			return w * 64 + 63 - (u32)__builtin_clzll(words[w]);
	}
	return BITMAP_NONE;
}

u32 bitmap_ones_before(const u64 *words, u32 i)
{
	u32 ones = 0;

	while (i) {
		u32 w = (i - 1) / 64;
		u32 bits = i - w * 64;
		u64 zeros = ~(words[w] << (64 - bits));
		u32 row = zeros ? (u32)__builtin_clzll(zeros) : 64;

		if (row < bits)
			return ones + row;
		ones += bits;
		i -= bits;
	}
	return ones;
}

void bitmap_set(u64 *words, u32 i, u32 nr)
{
	u32 w = i / 64, end = i + nr, last = (end - 1) / 64;
	u64 mask = ~0ull << i % 64;

	for (; w < last; mask = ~0ull)
		words[w++] |= mask;
	words[w] |= mask & ~0ull >> -end % 64;
}

void bitmap_clear(u64 *words, u32 i, u32 nr)
{
	u32 w = i / 64, end = i + nr, last = (end - 1) / 64;
	u64 mask = ~0ull << i % 64;

	for (; w < last; mask = ~0ull)
		words[w++] &= ~mask;
	words[w] &= ~(mask & ~0ull >> -end % 64);
}

bool bitmap_is_full(const u64 *words)
{
	u64 all = ~0ull;

	for (u32 w = 0; w < BLOCK_WORDS; w++)
		all &= words[w];
	return !~all;
}

/*
 * The longest row inside of a word, if it has more than `least` ones.  All
 * words at a time, and as many steps whatever is in them: what is guessed
 * wrongly costs the processor more than the steps do.
 */
static u32 longest_inside(const u64 *words, u32 least)
{
	u64 word[BLOCK_WORDS], any = 0;

	for (u32 w = 0; w < BLOCK_WORDS; w++)
		word[w] = words[w];
	/* each row loses `least` ones at its high end */
	for (u32 shorter = 0; shorter < least;) {
		u32 step = shorter + 1;

		if (step > least - shorter)
			step = least - shorter;
		for (u32 w = 0; w < BLOCK_WORDS; w++)
			word[w] &= word[w] >> step;
		shorter += step;
	}
	for (u32 w = 0; w < BLOCK_WORDS; w++)
		any |= word[w];
	for (; any; least++) {
		any = 0;
		for (u32 w = 0; w < BLOCK_WORDS; w++)
			any |= word[w] &= word[w] >> 1;
	}
	return least;
}

u32 bitmap_longest(const u64 *words, u32 least)
{
	u32 longest = least, row = 0;

	for (u32 w = 0; w < BLOCK_WORDS; w++) {
		u64 zeros = ~words[w];

		if (!zeros) {
			row += 64;
			continue;
		}
		row += (u32)__builtin_ctzll(zeros);
		longest = row > longest ? row : longest;
		row = (u32)__builtin_clzll(zeros);
	}
	longest = row > longest ? row : longest;
	return longest < 62 ? longest_inside(words, longest) : longest;
}

u32 bitmap_count(const u64 *words)
{
	u32 ones = 0;

	for (u32 w = 0; w < BLOCK_WORDS; w++)
		ones += (u32)__builtin_popcountll(words[w]);
	return ones;
}

u32 bitmap_find(const u64 *words, u32 nr, u32 align)
{
	u32 best = BITMAP_NONE, best_row = BLOCK_PAGES + 1;
	u32 i = bitmap_next_one(words, 0);

	while (i + nr <= BLOCK_PAGES) {
		u32 end = bitmap_next_zero(words, i);
		u32 start = (u32)round_up(i, align);

		if (start + nr <= end && end - i < best_row) {
			best = start;
			best_row = end - i;
			if (best_row == nr)
				break;
		}
		i = bitmap_next_one(words, end);
	}
	return best;
}
