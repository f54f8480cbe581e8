/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_depot.c: mm/depot.c, packets of free objects.  A depot does not look at
 * objects: here they are numbers.
 */
#include "objects_test.h"
#include "support.h"

#include "depot.h"

#define LARGEST NR_SIZE_CLASSES

static struct depot depot;

/* One of a heap of so many pages, which is made, too. */
static void depot_make(struct test_heap *t, u64 nr_pages)
{
	heap_make(t,
		  &(struct heap_spec){ .nr_pages = nr_pages, .reserved = 1 });
	memset(&depot, 0, sizeof(depot));
	assert_int_equal(depot_init(&depot, t->heap), 0);
}

static void depot_end(struct test_heap *t)
{
	depot_fini(&depot);
	heap_end(t);
}

static void *number(u64 n)
{
	return (void *)(uintptr_t)n;
}

/* Objects first, first + 1, ... of the class. */
static bool put(u32 class, u64 first, u32 nr)
{
	void *slot[PACKET_SLOTS];

	for (u32 i = 0; i < nr; i++)
		slot[i] = number(first + i);
	return depot_put(&depot, class, slot, nr);
}

/* What comes are so many objects from first on. */
static void get(u32 class, u64 first, u32 nr)
{
	void *slot[PACKET_SLOTS + 1];

	slot[nr] = number(~0ull);
	assert_int_equal(depot_get(&depot, class, slot), nr);
	for (u32 i = 0; i < nr; i++)
		assert_ptr_equal(slot[i], number(first + i));
	assert_ptr_equal(slot[nr], number(~0ull));
}

/* The last packet first, by class, of any length. */
static void test_stacks(void **state)
{
	static const struct {
		u32 class, nr;
	} packet[] = { { 1, 63 }, { 1, 1 }, { 2, 62 }, { 1, 2 }, { 35, 2 } };
	struct test_heap t;
	u64 bytes = 0;

	(void)state;
	depot_make(&t, BLOCKS(8));
	get(1, 0, 0);
	for (u32 i = 0; i < ARRAY_LEN(packet); i++) {
		assert_true(put(packet[i].class, 100 * i, packet[i].nr));
		bytes += (u64)packet[i].nr * size_class[packet[i].class].size;
		assert_int_equal(depot.bytes, bytes);
	}
	get(3, 0, 0);
	for (u32 i = ARRAY_LEN(packet); i--;) {
		get(packet[i].class, 100 * i, packet[i].nr);
		bytes -= (u64)packet[i].nr * size_class[packet[i].class].size;
		assert_int_equal(depot.bytes, bytes);
	}
	for (u32 i = 0; i < ARRAY_LEN(packet); i++)
		get(packet[i].class, 0, 0);
	assert_int_equal(bytes, 0);
	/* packets that are empty are used again */
	assert_int_equal(depot.nr_packets, ARRAY_LEN(packet));
	for (u32 i = 0; i < ARRAY_LEN(packet); i++)
		assert_true(put(7, i, 1));
	assert_int_equal(depot.nr_packets, ARRAY_LEN(packet));
	depot_end(&t);
}

/* A 64th of the heap, 8 MiB, or 4,096 packets. */
static void test_limits(void **state)
{
	static const struct {
		u64 heap_bytes;
		u32 class, nr;
		u64 packets;
	} table[] = {
		/* objects of 16 and of 14,336 bytes */
		{ 1 << 20, 1, 127, (1 << 14) / (127 * 16) },
		{ 1 << 20, 1, 1, (1 << 14) / (127 * 16) + 1 },
		{ 1 << 20, LARGEST, 2, 0 },
		{ 28672 * 64, LARGEST, 2, 1 },
		{ 28672 * 64 - (1 << 16), LARGEST, 2, 0 },
		{ 64 << 20, LARGEST, 2, (1 << 20) / 28672 },
		{ 64 << 20, 1, 127, (1 << 20) / (127 * 16) },
		{ 512 << 20, LARGEST, 2, (8 << 20) / 28672 },
		{ 1 << 30, LARGEST, 2, (8 << 20) / 28672 },
		{ 1 << 30, 1, 127, 4096 },
	};
	struct test_heap t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u32 class = table[i].class, nr = table[i].nr;
		u64 n = 0;

		depot_make(&t, table[i].heap_bytes >> PAGE_SHIFT);
		while (n < 9999 && put(class, n, nr))
			n++;
		if (n != table[i].packets)
			fail_msg("line %zu: %lu packets", i, (unsigned long)n);
		/* there is room for another as soon as one has gone */
		assert_int_equal(depot.bytes, n * nr * size_class[class].size);
		if (n) {
			get(class, n - 1, nr);
			assert_true(put(class, n, nr));
		}
		assert_false(put(class, n, nr));
		depot_end(&t);
	}
}

/* Each class in turn loses a packet. */
static void test_evict(void **state)
{
	void *slot[PACKET_SLOTS];
	struct test_heap t;
	u32 class;

	(void)state;
	depot_make(&t, BLOCKS(64));
	assert_int_equal(depot_evict(&depot, slot, &class), 0);
	for (u32 i = 0; i < 2 * NR_SIZE_CLASSES; i++) {
		class = 1 + i % NR_SIZE_CLASSES;
		assert_true(put(class, 100 * i, 1 + class % 4));
	}
	for (u32 round = 2; round--;) {
		u64 seen = 0;

		for (u32 i = 0; i < NR_SIZE_CLASSES; i++) {
			u32 nr = depot_evict(&depot, slot, &class);

			assert_in_range(class, 1, NR_SIZE_CLASSES);
			assert_int_equal(nr, 1 + class % 4);
			assert_ptr_equal(
				slot[0],
				number(100 *
				       (class - 1 + round * NR_SIZE_CLASSES)));
			assert_false(seen >> class & 1);
			seen |= 1ull << class;
		}
	}
	assert_int_equal(depot_evict(&depot, slot, &class), 0);
	/* the only one is found, wherever the turn is */
	for (u32 i = 0; i < 2 * NR_SIZE_CLASSES; i++) {
		assert_true(put(20, 5, 3));
		assert_int_equal(depot_evict(&depot, slot, &class), 3);
		assert_int_equal(class, 20);
	}
	/* of two, one after the other */
	for (u32 i = 0; i < 3; i++) {
		assert_true(put(7, 20 + i, 3));
		assert_true(put(20, 30 + i, 3));
	}
	for (u32 i = 0; i < 6; i++) {
		assert_int_equal(depot_evict(&depot, slot, &class), 3);
		assert_int_equal(class, i % 2 ? 20 : 7);
	}
	assert_int_equal(depot.bytes, 0);
	depot_end(&t);
}

static void test_no_memory(void **state)
{
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 1000 });
	memset(&depot, 0, sizeof(depot));
	host_sim_fail(HOST_SIM_RESERVE, 1);
	assert_int_equal(depot_init(&depot, t.heap), -ENOMEM);
	depot_fini(&depot);
	heap_end(&t);
}

/* ---- threads ------------------------------------------------------------- */

#define THREADS 4
#define OBJECTS 1200 /* each of these is with one thread, or in the depot */

struct hoarder {
	pthread_t thread;
	u64 seed;
	u32 nr;
	void *object[OBJECTS];
};

static unsigned nr_ready;

/* Packets of two classes, back and forth. */
static void *exchange(void *data)
{
	struct hoarder *h = data;

	__atomic_add_fetch(&nr_ready, 1, __ATOMIC_RELEASE);
	wait_for(&nr_ready, THREADS);
	for (u32 i = 0; i < 100000; i++) {
		u32 class = 1 + (u32)random_below(&h->seed, 2);
		u32 nr = 1 + (u32)random_below(&h->seed, 5);

		if (random_below(&h->seed, 2))
			h->nr += depot_get(&depot, class, h->object + h->nr);
		else if (nr <= h->nr &&
			 depot_put(&depot, class, h->object + h->nr - nr, nr))
			h->nr -= nr;
	}
	return NULL;
}

/* No object is lost, and none is with two. */
static void test_threads(void **state)
{
	static unsigned char seen[OBJECTS];
	static struct hoarder hoarder[THREADS];
	struct test_heap t;

	(void)state;
	depot_make(&t, BLOCKS(64));
	for (u32 i = 0; i < OBJECTS; i++) {
		struct hoarder *h = &hoarder[i % THREADS];

		h->object[h->nr++] = number(i);
	}
	for (u32 i = 0; i < THREADS; i++) {
		hoarder[i].seed = i + 1;
		hoarder[i].thread = start_thread(exchange, &hoarder[i]);
	}
	for (u32 i = 0; i < THREADS; i++)
		join_thread(hoarder[i].thread);
	for (u32 i = 0; i < THREADS; i++) {
		struct hoarder *h = &hoarder[i];
		u32 class, nr;

		while (!i &&
		       (nr = depot_evict(&depot, h->object + h->nr, &class)))
			h->nr += nr;
		while (h->nr)
			seen[(uintptr_t)h->object[--h->nr]]++;
	}
	for (u32 i = 0; i < OBJECTS; i++)
		assert_int_equal(seen[i], 1);
	assert_int_equal(depot.bytes, 0);
	depot_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stacks),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_evict),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("depot", tests, NULL, NULL);
}
