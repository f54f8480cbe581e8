/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suite_model.c: random operations, compared with a plain oracle, in every
 * mode.
 *
 * The oracle is a list of what is live: where, how long, filled with what.
 * After each operation nothing overlaps, the contents of what was touched are
 * there, and fixheap_validate finds nothing; now and then a walk counts what
 * the oracle says, and the largest array is compared with what was refused.
 * The numbers printed are the arguments that play it again.
 */
#include "suite.h"

#define MAX_LIVE 256

enum kind {
	OBJECT,
	ARRAY,
	PAGES
};

struct live {
	enum kind kind;
	char *start;
	size_t bytes; /* asked for; PAGES: whole pages */
	size_t taken; /* usable, or whole pages */
	uint64_t fill;
	bool zero; /* ARRAY: what grows reads as zero */
};

static struct live live[MAX_LIVE];
static unsigned nr_live;
static uint64_t seed, next_fill;

static uint64_t pick(uint64_t below)
{
	return random_below(&seed, below);
}

static size_t pick_pages(void)
{
	static const unsigned most[] = { 1, 4, 20, 100, 600, 1400 };

	return 1 + pick(most[pick(ARRAY_LEN(most))]);
}

static size_t pick_bytes(void)
{
	static const unsigned most[] = { 20,	100,   1000,  1000,
					 15000, 15000, 100000 };

	return pick(most[pick(ARRAY_LEN(most))]);
}

/* What is in use now: it overlaps nothing, and is in one region. */
static void check_place(const struct live *l)
{
	struct fixheap_region first = region_of(&suite, l->start), last;

	for (unsigned i = 0; i < nr_live; i++) {
		if (&live[i] != l)
			assert_true(l->start + l->taken <= live[i].start ||
				    live[i].start + live[i].taken <= l->start);
	}
	if (!l->taken)
		return;
	last = region_of(&suite, l->start + l->taken - 1);
	assert_true(first.id == last.id ||
		    (first.key == last.key && first.key != FIXHEAP_KEY_NONE));
	assert_true(fixheap_owns(suite.heap, l->start + l->taken - 1));
}

static void refill(struct live *l)
{
	l->fill = ++next_fill;
	fill(l->start, l->bytes, l->fill);
}

static void check_contents(const struct live *l)
{
	assert_true(is_filled(l->start, l->bytes, l->fill));
}

/* An allocation of so many bytes was refused: rightly. */
static void check_refused(enum kind kind, size_t bytes)
{
	assert_int_equal(errno, ENOMEM);
	if (kind == ARRAY)
		assert_true(fixheap_largest_free(suite.heap, NULL) < bytes);
}

static void measure(struct live *l)
{
	l->taken = l->kind == OBJECT ? fixheap_usable_size(suite.heap, l->start)
				     : in_pages(l->bytes);
	assert_true(l->taken >= l->bytes);
}

static void make_pages(struct live *l, size_t align)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	size_t page = fixheap_page_size(), nr = pick_pages();

	l->bytes = nr * page;
	l->zero = !pick(3);
	attr.flags = l->zero ? FIXHEAP_ZERO : 0;
	if (l->kind == PAGES) {
		l->start = fixheap_pages_alloc(suite.heap, nr, align, &attr);
		return;
	}
	l->bytes -= pick(page);
	attr.alignment = align;
	l->start = fixheap_array_alloc(suite.heap, l->bytes, &attr);
}

static void make(void)
{
	struct live *l = &live[nr_live];
	size_t align = pick(4) ? 0 : (size_t)1 << pick(18);

	l->kind = (enum kind)pick(3);
	errno = 0;
	if (l->kind != OBJECT) {
		make_pages(l, align);
	} else {
		l->bytes = pick_bytes();
		l->zero = !align && !pick(2);
		l->start = align     ? fixheap_aligned_alloc(suite.heap, align,
							     l->bytes)
			   : l->zero ? fixheap_calloc(suite.heap, 1, l->bytes)
				     : fixheap_malloc(suite.heap, l->bytes);
	}
	if (!l->start) {
		if (!align)
			check_refused(l->kind, l->bytes);
		return;
	}
	if (align)
		assert_int_equal((uintptr_t)l->start % align, 0);
	if (l->zero)
		assert_true(is_byte(l->start, l->bytes, 0));
	measure(l);
	nr_live++;
	check_place(l);
	refill(l);
}

static void unmake(struct live *l)
{
	size_t page = fixheap_page_size();

	check_contents(l);
	if (l->kind == ARRAY)
		fixheap_array_free(suite.heap, l->start);
	else if (l->kind == PAGES)
		fixheap_pages_free(suite.heap, l->start, l->bytes / page);
	else if (pick(2))
		fixheap_free_sized(suite.heap, l->start, l->bytes);
	else
		fixheap_free(suite.heap, l->start);
	*l = live[--nr_live];
}

/* Another length, in place or not. */
static void resize(struct live *l)
{
	size_t bytes = l->kind == OBJECT ? pick_bytes()
					 : pick_pages() * fixheap_page_size();
	size_t keep = l->bytes < bytes ? l->bytes : bytes;
	size_t old = in_pages(l->bytes);
	bool in_place = l->kind == ARRAY && pick(2);
	char *moved = l->start;
	int err = 0;

	if (l->kind == OBJECT && !bytes)
		return;
	check_contents(l);
	if (l->kind == OBJECT)
		moved = fixheap_realloc(suite.heap, l->start, bytes);
	else if (in_place)
		err = fixheap_array_resize(suite.heap, l->start, bytes);
	else
		moved = fixheap_array_realloc(suite.heap, l->start, bytes);
	if (err || !moved) {
		assert_int_equal(err ? -err : errno, ENOMEM);
		/* or it had to leave a region of its own */
		assert_true(bytes > l->bytes || l->bytes >= OWN_BYTES);
		check_contents(l);
		return;
	}
	l->start = moved;
	assert_true(is_filled(moved, keep, l->fill));
	if (l->kind == ARRAY && l->zero && bytes > old)
		assert_true(is_byte(moved + old, bytes - old, 0));
	l->bytes = bytes;
	measure(l);
	check_place(l);
	refill(l);
}

/* Free some pages of a run: what is left is one or two others. */
static void free_part(struct live *l)
{
	size_t page = fixheap_page_size(), nr = l->bytes / page;
	size_t from = pick(nr), to = from + 1 + pick(nr - from);
	struct live *rest = &live[nr_live];

	if ((from == 0 && to == nr) || nr_live == MAX_LIVE)
		return;
	check_contents(l);
	fixheap_pages_free(suite.heap, l->start + from * page, to - from);
	*rest = *l;
	rest->start += to * page;
	rest->bytes = rest->taken = (nr - to) * page;
	l->bytes = l->taken = from * page;
	if (rest->bytes) {
		nr_live++;
		refill(rest);
	}
	if (l->bytes)
		refill(l);
	else
		*l = live[--nr_live];
}

static int add_range(void *data, const void *start, size_t bytes,
		     enum fixheap_use use)
{
	(void)start;
	((size_t *)data)[use] += bytes;
	return 0;
}

static void check_all(void)
{
	size_t found[FIXHEAP_USE_CACHED + 1] = { 0 }, wanted[3] = { 0 };

	for (unsigned i = 0; i < nr_live; i++) {
		check_contents(&live[i]);
		wanted[live[i].kind] += live[i].taken;
	}
	fixheap_reclaim(suite.heap);
	assert_int_equal(fixheap_walk(suite.heap, add_range, found), 0);
	assert_int_equal(found[FIXHEAP_USE_ARRAY], wanted[ARRAY]);
	assert_int_equal(found[FIXHEAP_USE_PAGES], wanted[PAGES]);
	assert_true(found[FIXHEAP_USE_SMALL] + found[FIXHEAP_USE_LARGE] >=
		    wanted[OBJECT]);
	assert_int_equal(found[FIXHEAP_USE_CACHED], 0);
}

static void step(void)
{
	struct live *l = nr_live ? &live[pick(nr_live)] : NULL;
	uint64_t what = pick(10);

	if (!l || (what < 4 && nr_live < MAX_LIVE))
		make();
	else if (what < 7)
		unmake(l);
	else if (l->kind == PAGES)
		free_part(l);
	else
		resize(l);
}

static void test_model(void **state)
{
	unsigned long steps = suite_steps ? suite_steps : TEST_STEPS(6000);

	(void)state;
	seed = suite_seed;
	nr_live = 0;
	print_message("model: replay: test_modes %s %llu %lu\n",
		      suite.mode->name, (unsigned long long)suite_seed, steps);
	for (unsigned long i = 0; i < steps; i++) {
		step();
		heap_valid(&suite);
		if (i % 64 == 0)
			check_all();
	}
	check_all();
	while (nr_live)
		unmake(&live[pick(nr_live)]);
}

static const struct CMUnitTest tests[] = {
	SUITE_TEST(model),
};
const struct suite_part suite_model = { tests, ARRAY_LEN(tests) };
