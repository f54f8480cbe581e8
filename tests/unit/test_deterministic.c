/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_deterministic.c: symmetric heaps.  The same calls for arrays give the
 * same offsets, whatever else a heap is used for, and wherever it is.
 */
#include "regions_test.h"

#define HEAP_PAGES BLOCKS(24)
#define ARRAYS 40
#define OBJECTS 300

/* One of the processes. */
struct process {
	struct test_heap t;
	u64 seed; /* of what it does beside arrays */
	u32 load; /* how much of that */
	char *array[ARRAYS];
	void *object[OBJECTS];
};

static void process_start(struct process *p, const char *machine, size_t skew,
			  u64 nr_private)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;

	regions_map(&p->t, 64, 0);
	assert_int_equal(host_sim_describe(machine), 0);
	config.base = p->t.base += skew;
	config.length = BYTES(HEAP_PAGES);
	config.flags = FIXHEAP_DETERMINISTIC;
	config.private_bytes = BYTES(nr_private);
	regions_create(&p->t, &config);
}

/* Objects and page runs, of this process alone. */
static void use_otherwise(struct process *p)
{
	for (u32 i = 0; i < p->load; i++) {
		void **object = &p->object[random_below(&p->seed, OBJECTS)];
		size_t bytes = random_below(&p->seed, 9)
				       ? random_below(&p->seed, 3000)
				       : random_below(&p->seed, 300000);

		if (*object)
			fixheap_free(p->t.heap, *object);
		*object = fixheap_malloc(p->t.heap, bytes);
	}
}

/* A call for arrays, the same in all; the offset that it gives. */
static size_t call(struct process *p, u64 seed)
{
	u32 i = (u32)random_below(&seed, ARRAYS);
	u64 how = random_below(&seed, 10);
	size_t bytes = random_below(
		&seed, BYTES(random_below(&seed, 3) ? 300 : 4 * BLOCK_PAGES));
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	char **array = &p->array[i], *moved;

	if (!*array) {
		if (how == 0)
			attr.alignment = BYTES(1ull << random_below(&seed, 4));
		*array = fixheap_array_alloc(p->t.heap, bytes, &attr);
	} else if (how < 4) {
		fixheap_array_free(p->t.heap, *array);
		*array = NULL;
	} else if (how < 7) {
		return (size_t)fixheap_array_resize(p->t.heap, *array, bytes);
	} else {
		moved = fixheap_array_realloc(p->t.heap, *array, bytes);
		if (!moved)
			return 1;
		*array = moved;
	}
	return *array ? (size_t)(*array - p->t.base) : 2;
}

static void compare(u64 nr_private)
{
	static struct process p[3];
	u64 seed = nodes_seed("test_deterministic"), nr_failed = 0;

	memset(p, 0, sizeof(p));
	heap_warm_objects();
	host_sim_reset();
	for (u32 i = 0; i < 3; i++) {
		p[i].seed = i + 1;
		p[i].load = i * 5;
	}
	process_start(&p[0], "1x1", 0, nr_private);
	process_start(&p[1], "1x4", BYTES(16), nr_private);
	process_start(&p[2], "4x2", BYTES(272), nr_private);
	for (u32 n = 0; n < TEST_STEPS(4000); n++) {
		u64 what = random_below(&seed, ~0ull) | 1;
		size_t offset = call(&p[0], what);

		nr_failed += offset == 2;
		for (u32 i = 1; i < 3; i++) {
			use_otherwise(&p[i]);
			if (n % 7 == i)
				fixheap_reclaim(p[i].t.heap);
			if (call(&p[i], what) != offset)
				fail_msg("step %u: another offset", n);
		}
		if (n % 200 == 0)
			heap_valid(&p[2].t);
	}
	print_message("%lu refused\n", (unsigned long)nr_failed);
	for (u32 i = 0; i < 3; i++) {
		heap_valid(&p[i].t);
		fixheap_destroy(p[i].t.heap);
		munmap(p[i].t.memory, p[i].t.bytes);
	}
}

static void test_offsets(void **state)
{
	(void)state;
	compare(BLOCKS(6));
}

/* Without a part of their own, objects have only what is left over a block. */
static void test_no_private_part(void **state)
{
	static struct process p;

	(void)state;
	memset(&p, 0, sizeof(p));
	heap_warm_objects();
	host_sim_reset();
	process_start(&p, "1x1", 0, 0);
	assert_null(fixheap_malloc(p.t.heap, 10));
	assert_null(fixheap_malloc(p.t.heap, 100000));
	assert_null(fixheap_pages_alloc(p.t.heap, 1, 0, NULL));
	assert_int_equal(largest_free(&p.t), HEAP_PAGES);
	p.array[0] = fixheap_array_alloc(p.t.heap, BYTES(HEAP_PAGES), NULL);
	assert_ptr_equal(p.array[0], p.t.base);
	fixheap_array_free(p.t.heap, p.array[0]);
	regions_count(&p.t, HEAP_PAGES, 0);
	heap_end(&p.t);
	compare(0);
}

/* Arrays never lie in the private part, nor does anything else outside. */
static void test_private_part(void **state)
{
	static struct process p;
	char *border, *run;

	(void)state;
	memset(&p, 0, sizeof(p));
	heap_warm_objects();
	host_sim_reset();
	process_start(&p, "1x1", 0, BLOCKS(6));
	border = p.t.base + BYTES(BLOCKS(18));
	assert_int_equal(largest_free(&p.t), BLOCKS(18));
	while ((run = fixheap_pages_alloc(p.t.heap, 700, 0, NULL)))
		assert_true(run >= border);
	while ((run = fixheap_malloc(p.t.heap, 5000)))
		assert_true(run >= border);
	while ((run = fixheap_array_alloc(p.t.heap, BYTES(700), NULL)))
		assert_true(run + BYTES(700) <= border);
	assert_non_null(fixheap_array_alloc(p.t.heap, 1, NULL));
	heap_end(&p.t);
}

/* An alignment is one of the offset, and of the address. */
static void test_alignment(void **state)
{
	static struct process p;
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	char *array;

	(void)state;
	memset(&p, 0, sizeof(p));
	heap_warm_objects();
	host_sim_reset();
	process_start(&p, "1x1", BYTES(16), BLOCKS(2));
	assert_non_null(fixheap_array_alloc(p.t.heap, 1, NULL));
	for (u64 align = 1; align <= 16; align *= 2) {
		attr.alignment = BYTES(align);
		array = fixheap_array_alloc(p.t.heap, 1, &attr);
		assert_non_null(array);
		assert_int_equal((uintptr_t)array % BYTES(align), 0);
		assert_int_equal((size_t)(array - p.t.base) % BYTES(align), 0);
	}
	attr.alignment = BYTES(32);
	errno = 0;
	assert_null(fixheap_array_alloc(p.t.heap, 1, &attr));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(fixheap_pages_alloc(p.t.heap, 1, BYTES(32), NULL));
	assert_int_equal(errno, EINVAL);
	heap_end(&p.t);
}

/* Nodes play no part. */
static void test_policies(void **state)
{
	static const struct {
		enum fixheap_policy policy;
		int error;
	} table[] = {
		{ FIXHEAP_POLICY_DEFAULT, 0 },
		{ FIXHEAP_POLICY_LOCAL, 0 },
		{ FIXHEAP_POLICY_BIND, ENOTSUP },
		{ FIXHEAP_POLICY_PREFERRED, ENOTSUP },
		{ FIXHEAP_POLICY_INTERLEAVE, ENOTSUP },
		{ FIXHEAP_POLICY_BLOCKED, ENOTSUP },
	};
	static struct process p;

	(void)state;
	memset(&p, 0, sizeof(p));
	heap_warm_objects();
	host_sim_reset();
	process_start(&p, "4x2", 0, BLOCKS(2));
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		errno = 0;
		assert_int_equal(!nodes_array(p.t.heap, 1, table[i].policy,
					      i > 1 ? 1 : 0),
				 table[i].error != 0);
		assert_int_equal(errno, table[i].error);
	}
	heap_end(&p.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_no_private_part),
		cmocka_unit_test(test_private_part),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_policies),
	};

	return cmocka_run_group_tests_name("deterministic", tests, NULL, NULL);
}
