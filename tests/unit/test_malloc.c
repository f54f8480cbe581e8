/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_malloc.c: objects that have a size class, mm/malloc.c, on one thread.
 * What threads do is in test_thread_cache.c, large objects in test_direct.c.
 */
#include "objects_test.h"

#include "size_class.h"

#define HEAP_BYTES (64 * MIB)

static struct faults seen;

/* What an object of this many bytes can hold. */
static size_t room_for(size_t bytes)
{
	if (bytes <= SMALL_MAX)
		return size_class[size_class_of(bytes)].size;
	return round_up(bytes, PAGE_BYTES);
}

static void test_every_small_size(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);

	(void)state;
	for (size_t bytes = 0; bytes <= SMALL_MAX + 2 * PAGE_BYTES; bytes++) {
		char *ptr = fixheap_malloc(heap, bytes);

		assert_non_null(ptr);
		assert_int_equal((uintptr_t)ptr % 16, 0);
		assert_true(fixheap_owns(heap, ptr));
		assert_int_equal(fixheap_usable_size(heap, ptr),
				 room_for(bytes));
		fill(ptr, 0x5a, room_for(bytes));
		fixheap_free(heap, ptr);
	}
	end_empty_heap(heap);
}

/* In a full heap an object can still get smaller. */
static void test_realloc_to_less_when_full(void **state)
{
	struct fixheap *heap = make_heap(4 * MIB, NULL);
	char *large = fixheap_malloc(heap, 4 * MIB);

	(void)state;
	assert_non_null(large);
	assert_null(fixheap_malloc(heap, 10));
	fill(large, 3, 4 * MIB);
	errno = 0;
	assert_null(fixheap_realloc(heap, large, 4 * MIB + 1));
	assert_int_equal(errno, ENOMEM);
	assert_ptr_equal(fixheap_realloc(heap, large, 100), large);
	assert_true(filled(large, 3, 100));
	assert_int_equal(fixheap_usable_size(heap, large), PAGE_BYTES);
	/* Now there is room for a small one. */
	large = fixheap_realloc(heap, large, 100);
	assert_int_equal(fixheap_usable_size(heap, large), 112);
	assert_true(filled(large, 3, 100));
	fixheap_free(heap, large);
	end_empty_heap(heap);
}

/* Every byte of a slab but the starts of its objects. */
static void test_interior_pointers_of_slabs(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, &seen);

	(void)state;
	for (u32 class = 1; class <= NR_SIZE_CLASSES; class ++) {
		u32 size = size_class[class].size;
		char *ptr = fixheap_malloc(heap, size);
		u32 step = size > 512 ? 61 : 1;

		for (u32 i = 1; i < size; i += step)
			expect_fault(heap, ptr + i, "interior pointer");
		expect_both_faults(heap, ptr + size / 2 + 1);
		fixheap_free(heap, ptr);
	}
	end_empty_heap(heap);
}

/* Of every class and of runs: at once, and after its memory was reclaimed. */
static void test_double_free(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, &seen);

	(void)state;
	for (u32 class = 1; class <= NR_SIZE_CLASSES + 2; class ++) {
		size_t bytes = class <= NR_SIZE_CLASSES
				       ? size_class[class].size
				       : class * PAGE_BYTES * 10;
		char *ptr = fixheap_malloc(heap, bytes);

		fixheap_free(heap, ptr);
		expect_fault(heap, ptr, "double free");
		expect_both_faults(heap, ptr);
		/* An object is known by its mark, a page by being free. */
		assert_string_equal(
			seen.what, class <= NR_SIZE_CLASSES
					   ? "use after free"
					   : "double free, or never allocated");
		fixheap_reclaim(heap);
		expect_fault(heap, ptr, "double free");
		expect_both_faults(heap, ptr);
		assert_string_equal(seen.what,
				    "double free, or never allocated");
	}
	end_empty_heap(heap);
}

/* Also when many others were freed in between, and some live in its slab. */
/* The places behind an object hold objects that nobody was given. */
static void test_never_handed_out(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, &seen);

	(void)state;
	for (u32 class = 1; class <= NR_SIZE_CLASSES; class ++) {
		u32 size = size_class[class].size;
		char *ptr = fixheap_malloc(heap, size), *next = ptr + size;
		char *other = fixheap_malloc(heap, size);

		if (next != other &&
		    (uintptr_t)next / 4096 == (uintptr_t)ptr / 4096)
			expect_fault(heap, next, "double free");
		fixheap_free(heap, other);
		fixheap_free(heap, ptr);
	}
	end_empty_heap(heap);
}

/* A heap with fewer pages than a slab may have. */
static void test_four_pages(void **state)
{
	struct fixheap *heap = make_heap(4 * 4096, NULL);

	(void)state;
	for (size_t bytes = 0; bytes <= SMALL_MAX; bytes += 8) {
		void *ptr = fixheap_malloc(heap, bytes);

		assert_non_null(ptr);
		memset(ptr, 1, bytes);
		fixheap_free(heap, ptr);
		fixheap_reclaim(heap);
	}
	end_empty_heap(heap);
}

static void test_double_free_much_later(void **state)
{
	enum {
		NR = 5000
	};
	static char *ptr[NR];
	struct fixheap *heap = make_heap(HEAP_BYTES, &seen);

	(void)state;
	for (int i = 0; i < NR; i++)
		ptr[i] = fixheap_malloc(heap, 48);
	for (int i = 0; i < NR; i++) {
		if (i % 7)
			fixheap_free(heap, ptr[i]);
	}
	for (int i = 0; i < NR; i++) {
		if (i % 7)
			expect_fault(heap, ptr[i], "double free");
	}
	for (int i = 0; i < NR; i += 7)
		fixheap_free(heap, ptr[i]);
	end_empty_heap(heap);
}

/* What was a slab of one shape: its places are no objects in the next life. */
static void test_places_of_former_slabs(void **state)
{
	struct fixheap *heap = make_heap(2 * MIB, &seen);
	enum {
		NR = 200
	};
	static char *old[NR];
	unsigned nr_inside = 0;

	(void)state;
	for (int i = 0; i < NR; i++)
		old[i] = fixheap_malloc(heap, 48);
	for (int i = 0; i < NR; i++)
		fixheap_free(heap, old[i]);
	fixheap_reclaim(heap);
	for (char *ptr; (ptr = fixheap_malloc(heap, 14336)) != NULL;) {
		fill(ptr, 0x99, 14336);
		for (int i = 0; i < NR; i++) {
			if (old[i] <= ptr || old[i] >= ptr + 14336)
				continue;
			nr_inside++;
			expect_fault(heap, old[i], "interior pointer");
		}
	}
	assert_true(nr_inside > 0);
	fixheap_destroy(heap);
}

/* ---- a full heap -------------------------------------------------------- */

/* Objects of this size until there is no room; how many. */
static unsigned fill_up(struct fixheap *heap, size_t bytes, char ***list)
{
	unsigned nr = 0;
	char **ptr = NULL, *next;

	while ((next = fixheap_malloc(heap, bytes)) != NULL) {
		*(char **)next = (char *)ptr;
		ptr = (char **)next;
		nr++;
	}
	assert_int_equal(errno, ENOMEM);
	*list = ptr;
	return nr;
}

static void free_list(struct fixheap *heap, char **list)
{
	while (list) {
		char **next = (char **)*list;

		fixheap_free(heap, list);
		list = next;
	}
}

static void test_every_class_can_fill_the_heap(void **state)
{
	const size_t bytes = 4 * MIB;
	struct fixheap *heap = make_heap(bytes, NULL);
	char **list;

	(void)state;
	for (u32 class = 1; class <= NR_SIZE_CLASSES; class ++) {
		u32 size = size_class[class].size;
		u32 slab = size_class_slab(&size_class[class], 12);
		unsigned nr = fill_up(heap, size, &list);

		/* Where no run is left for a slab, objects take pages of their
		 * own, as long as there are any. */
		assert_true(stats_of(heap).largest_run_bytes < size);
		assert_true(nr * (size_t)size + 2 * slab > bytes);
		assert_null(fixheap_malloc(heap, size));
		free_list(heap, list);
		assert_int_equal(used_after_reclaim(heap), 0);
		list = fixheap_malloc(heap, bytes);
		assert_non_null(list);
		fixheap_free(heap, list);
	}
	end_empty_heap(heap);
}

/* Slabs that nobody needs any more serve what comes next, without asking. */
static void test_dirty_slabs_serve_runs(void **state)
{
	struct fixheap *heap = make_heap(16 * MIB, NULL);
	char **list;
	void *array;

	(void)state;
	for (size_t size = 16; size <= SMALL_MAX; size *= 3) {
		fill_up(heap, size, &list);
		free_list(heap, list);
		array = fixheap_pages_alloc(heap, 4096, 0, NULL);
		assert_non_null(array);
		fixheap_pages_free(heap, array, 4096);
		fill_up(heap, size, &list);
		free_list(heap, list);
		array = fixheap_malloc(heap, 16 * MIB);
		assert_non_null(array);
		fixheap_free(heap, array);
	}
	end_empty_heap(heap);
}

static void test_live_bytes(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);
	enum {
		NR = 3000
	};
	static void *ptr[NR];
	size_t live = 0, told;

	(void)state;
	if (!IS_ENABLED(CONFIG_VMSTAT))
		skip();
	for (int i = 0; i < NR; i++) {
		size_t bytes = (size_t)(i * 7) % 20000;

		ptr[i] = fixheap_malloc(heap, bytes);
		assert_non_null(ptr[i]);
		live += room_for(bytes);
		told = stats_of(heap).live_bytes;
		assert_in_range(told + 65536, live, live + 131072);
	}
	fixheap_reclaim(heap);
	assert_int_equal(stats_of(heap).live_bytes, live);
	assert_in_range(stats_of(heap).peak_live_bytes, live, live + 65536);
	for (int i = 0; i < NR; i++)
		fixheap_free(heap, ptr[i]);
	end_empty_heap(heap);
}

/* ---- at random, against a plain record ---------------------------------- */

#define SLOTS 600
struct slot {
	unsigned char *ptr, byte;
	size_t bytes;
};

static size_t random_size(u64 *seed)
{
	u64 random = next_random(seed);

	switch (random % 8) {
	case 0:
		return (random >> 8) % 100000;
	case 1:
		return (random >> 8) % (3 * MIB);
	default:
		return (random >> 8) % 3000;
	}
}

static void random_alloc(struct fixheap *heap, struct slot *slot, u64 *seed)
{
	u64 random = next_random(seed);
	size_t align = 1ull << random % 14;

	slot->bytes = random_size(seed);
	slot->byte = (unsigned char)(random >> 32);
	if (random >> 20 & 1) {
		slot->ptr = fixheap_malloc(heap, slot->bytes);
	} else if (random >> 21 & 1) {
		slot->ptr = fixheap_aligned_alloc(heap, align, slot->bytes);
		assert_int_equal((uintptr_t)slot->ptr % align, 0);
	} else {
		slot->ptr = fixheap_calloc(heap, 1, slot->bytes);
		assert_true(!slot->ptr || filled(slot->ptr, 0, slot->bytes));
	}
	if (slot->ptr)
		fill(slot->ptr, slot->byte, slot->bytes);
}

static void random_step(struct fixheap *heap, struct slot *slot, u64 *seed)
{
	size_t bytes = random_size(seed);
	unsigned char *ptr;

	if (!slot->ptr) {
		random_alloc(heap, slot, seed);
		return;
	}
	assert_true(filled(slot->ptr, slot->byte, slot->bytes));
	assert_true(fixheap_usable_size(heap, slot->ptr) >= slot->bytes);
	if (bytes % 3) {
		fixheap_free(heap, slot->ptr);
		slot->ptr = NULL;
		return;
	}
	ptr = fixheap_realloc(heap, slot->ptr, bytes + 1);
	if (!ptr)
		return;
	slot->ptr = ptr;
	slot->bytes = slot->bytes < bytes + 1 ? slot->bytes : bytes + 1;
	assert_true(filled(ptr, slot->byte, slot->bytes));
	slot->bytes = bytes + 1;
	fill(ptr, slot->byte, slot->bytes);
}

/* What nobody ever wrote may look like the mark of a free object. */
static void test_realloc_of_what_was_not_written(void **state)
{
	struct faults faults = { .nr = 0 };
	struct fixheap *heap = make_heap(MIB, &faults);
	static void *object[512];

	(void)state;
	for (unsigned n = 0, nr; n < 20; n++) {
		for (nr = 0; nr < 512; nr++) {
			object[nr] = fixheap_malloc(
				heap, (n * 37 + nr * 401) % 60000 + 1);
			if (!object[nr])
				break;
		}
		for (unsigned i = 0; i < nr; i++)
			object[i] =
				fixheap_realloc(heap, object[i],
						(n * 91 + i * 577) % 20000 + 1)
					?: object[i];
		while (nr)
			fixheap_free(heap, object[--nr]);
	}
	assert_int_equal(faults.nr, 0);
	end_empty_heap(heap);
}

static void run_random(u64 seed, size_t heap_bytes, unsigned steps)
{
	struct fixheap *heap = make_heap(heap_bytes, NULL);
	static struct slot slot[SLOTS];

	memset(slot, 0, sizeof(slot));
	for (unsigned i = 0; i < steps; i++) {
		random_step(heap, &slot[next_random(&seed) % SLOTS], &seed);
		if (i % 500 == 0)
			assert_int_equal(fixheap_validate(heap), 0);
	}
	for (int i = 0; i < SLOTS; i++)
		fixheap_free(heap, slot[i].ptr);
	end_empty_heap(heap);
}

static void test_random(void **state)
{
	const char *given = getenv("SEED");
	u64 seed = given ? strtoull(given, NULL, 0) : 0x9e3779b97f4a7c15;

	(void)state;
	print_message("SEED=%#llx\n", (unsigned long long)seed);
	for (unsigned i = 0; i < 4; i++) {
		run_random(seed + i, 256 * MIB, TEST_STEPS(10000));
		run_random(seed + i, 24 * MIB, TEST_STEPS(10000));
	}
	assert_int_equal(host_sim_describe("4x2:16M"), 0);
	run_random(seed, 64 * MIB, TEST_STEPS(20000));
	host_sim_set_cpu(HOST_SIM_ROVING);
	run_random(seed + 1, 64 * MIB, TEST_STEPS(20000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_small_size),
		TEST(realloc_to_less_when_full),
		TEST(realloc_of_what_was_not_written),
		TEST(interior_pointers_of_slabs),
		TEST(double_free),
		TEST(never_handed_out),
		TEST(four_pages),
		TEST(double_free_much_later),
		TEST(places_of_former_slabs),
		TEST(every_class_can_fill_the_heap),
		TEST(dirty_slabs_serve_runs),
		TEST(live_bytes),
		TEST(random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
