/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_regions_model.c: regions that come and go at random, while things are
 * allocated in them, compared with a plain oracle.
 *
 * test_regions_model [SEED [STEPS]]
 *
 * The memory is cut into slots of SLOT_PAGES pages; a region is one to four of
 * them, with one of three keys or none, so that neighbours are often one, and
 * borders lie anywhere in a pageblock.  The oracle knows for each slot its
 * region, and all that is live.  After each step: what was handed out overlaps
 * nothing, is in regions that are not isolated, and crosses from one to another
 * only where they are one; fixheap_offline_region says busy exactly where
 * something is live (but what shares a slab or a cache is not known); the
 * heap's bytes are those of its regions; and fixheap_validate finds nothing.
 */
#include <time.h>

#include "spread.h"

#define SLOT_PAGES 100
#define NR_SLOTS 64
#define MAX_LIVE 200
#define SLOTS_AT (16 * MIB) /* in the spread's memory */

struct slot {
	bool used, isolated, first;
	unsigned id;
	unsigned nr; /* slots of its region */
	uint64_t key;
};

struct live {
	char *start;
	size_t bytes;
	bool array; /* else a page run */
	uint64_t fill;
};

static struct spread s;
static struct slot slots[NR_SLOTS];
static struct live live[MAX_LIVE];
static unsigned nr_live;
static uint64_t seed, first_seed, next_fill;
static unsigned long nr_steps;

static uint64_t pick(uint64_t below)
{
	return random_below(&seed, below);
}

static size_t slot_bytes(void)
{
	return SLOT_PAGES * fixheap_page_size();
}

/* The slot of an address; NR_SLOTS: it is in the first region. */
static unsigned slot_of(const char *ptr)
{
	size_t at = (size_t)(ptr - s.memory);

	return at < SLOTS_AT ? NR_SLOTS
			     : (unsigned)((at - SLOTS_AT) / slot_bytes());
}

static struct slot *first_of(unsigned i)
{
	while (!slots[i].first)
		i--;
	return &slots[i];
}

/* Something is live in the region that begins at this slot. */
static bool is_busy(unsigned first)
{
	for (unsigned i = 0; i < nr_live; i++) {
		unsigned from = slot_of(live[i].start);
		unsigned to = slot_of(live[i].start + live[i].bytes - 1);

		if (from != NR_SLOTS && to >= first &&
		    from < first + slots[first].nr)
			return true;
	}
	return false;
}

/* ---- regions ------------------------------------------------------------- */

static void add(void)
{
	static const uint64_t keys[] = { 0, 1, 2, FIXHEAP_KEY_NONE };
	unsigned at = (unsigned)pick(NR_SLOTS), nr = 1 + (unsigned)pick(4);
	uint64_t key = keys[pick(4)];
	unsigned id;

	for (unsigned i = at; i < at + nr; i++) {
		if (i >= NR_SLOTS || slots[i].used)
			return;
	}
	assert_int_equal(spread_add(&s, SLOTS_AT + at * slot_bytes(),
				    nr * slot_bytes(), key, &id),
			 0);
	for (unsigned i = at; i < at + nr; i++)
		slots[i] = (struct slot){ true, false, i == at, id, nr, key };
}

static void offline(void)
{
	unsigned at = (unsigned)pick(NR_SLOTS), nr;
	int err;

	if (!slots[at].used)
		return;
	at = (unsigned)(first_of(at) - slots);
	nr = slots[at].nr;
	err = fixheap_offline_region(s.t.heap, slots[at].id, 0);
	assert_int_equal(err, is_busy(at) ? -EBUSY : 0);
	for (unsigned i = at; i < at + nr; i++) {
		slots[i].isolated = true;
		slots[i].used = err;
	}
}

static void online(void)
{
	unsigned at = (unsigned)pick(NR_SLOTS);
	struct slot *first;

	if (!slots[at].used)
		return;
	first = first_of(at);
	assert_int_equal(fixheap_online_region(s.t.heap, first->id), 0);
	for (unsigned i = 0; i < first->nr; i++)
		first[i].isolated = false;
}

/* ---- what is in them ----------------------------------------------------- */

/* l is where it shall be; its bytes from here on are new. */
static void check_place(const struct live *l, size_t new)
{
	unsigned from = slot_of(l->start + new);
	unsigned to = slot_of(l->start + l->bytes - 1);

	for (unsigned i = 0; i < nr_live; i++) {
		if (&live[i] != l)
			assert_true(l->start + l->bytes <= live[i].start ||
				    live[i].start + live[i].bytes <= l->start);
	}
	assert_int_equal(from == NR_SLOTS, to == NR_SLOTS);
	for (unsigned i = from; from != NR_SLOTS && i <= to; i++) {
		assert_true(slots[i].used && !slots[i].isolated);
		assert_int_equal(region_of(&s.t, l->start).key, slots[i].key);
		if (slots[i].first && i > slot_of(l->start))
			assert_true(slots[i].key != FIXHEAP_KEY_NONE);
	}
}

static void make(void)
{
	static const unsigned most[] = { 1, 3, 30, 30, 250, 600 };
	size_t page = fixheap_page_size(), nr;
	struct live *l = &live[nr_live];

	if (nr_live == MAX_LIVE)
		return;
	nr = 1 + pick(most[pick(ARRAY_LEN(most))]);
	l->array = pick(2);
	l->bytes = nr * page;
	errno = 0;
	l->start = l->array ? array_make(&s.t, l->bytes, 0)
			    : fixheap_pages_alloc(s.t.heap, nr, 0, NULL);
	if (!l->start) {
		assert_int_equal(errno, ENOMEM);
		assert_true(fixheap_largest_free(s.t.heap, NULL) < l->bytes);
		return;
	}
	nr_live++;
	check_place(l, 0);
	l->fill = ++next_fill;
	fill(l->start, l->bytes, l->fill);
}

static void unmake(void)
{
	struct live *l;

	if (!nr_live)
		return;
	l = &live[pick(nr_live)];
	assert_true(is_filled(l->start, l->bytes, l->fill));
	if (l->array)
		fixheap_array_free(s.t.heap, l->start);
	else
		fixheap_pages_free(s.t.heap, l->start,
				   l->bytes / fixheap_page_size());
	*l = live[--nr_live];
}

static void resize(void)
{
	size_t bytes = (1 + pick(300)) * fixheap_page_size(), keep;
	struct live *l;
	char *moved;

	if (!nr_live || !(l = &live[pick(nr_live)])->array)
		return;
	moved = fixheap_array_realloc(s.t.heap, l->start, bytes);
	if (!moved) {
		assert_true(bytes > l->bytes);
		return;
	}
	keep = bytes < l->bytes ? bytes : l->bytes;
	assert_true(is_filled(moved, keep, l->fill));
	/* what was in an isolated region before may stay there */
	if (moved != l->start)
		keep = 0;
	l->start = moved;
	l->bytes = bytes;
	if (keep < bytes)
		check_place(l, keep);
	l->fill = ++next_fill;
	fill(l->start, l->bytes, l->fill);
}

static void step(void)
{
	uint64_t what = pick(20);

	if (what < 3)
		add();
	else if (what < 5)
		offline();
	else if (what < 6)
		online();
	else if (what < 13)
		make();
	else if (what < 18)
		unmake();
	else
		resize();
}

static void check_regions(void)
{
	unsigned nr = 1, nr_isolated = 0;

	for (unsigned i = 0; i < NR_SLOTS; i++) {
		nr += slots[i].used && slots[i].first;
		nr_isolated += slots[i].used && slots[i].first &&
			       slots[i].isolated;
	}
	assert_int_equal(heap_regions(&s.t, 0), nr);
	assert_int_equal(heap_regions(&s.t, FIXHEAP_REGION_ISOLATED),
			 nr_isolated);
}

static void test_model(void **state)
{
	(void)state;
	print_message("# replay: test_regions_model %llu %lu\n",
		      (unsigned long long)first_seed, nr_steps);
	seed = first_seed;
	spread_prepare(&s);
	heap_open(&s.t);
	for (unsigned long i = 0; i < nr_steps; i++) {
		step();
		heap_valid(&s.t);
		if (i % 16 == 0)
			check_regions();
	}
	while (nr_live)
		unmake();
	for (unsigned i = 0; i < NR_SLOTS; i++) {
		if (slots[i].used && slots[i].first)
			assert_int_equal(fixheap_offline_region(s.t.heap,
								slots[i].id, 0),
					 0);
	}
	assert_int_equal(spread_bytes(&s), SPREAD_FIRST);
	spread_close(&s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_model) };

	first_seed = argc > 1 ? strtoull(argv[1], NULL, 0)
			      : (uint64_t)time(NULL);
	nr_steps = argc > 2 ? strtoul(argv[2], NULL, 0) : TEST_STEPS(20000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
