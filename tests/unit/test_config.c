/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_config.c: mm/config.c, what a heap is made from in each mode.
 */
#include "comm_test.h"

#include "config.h"

/* What heap_info says. */
struct info {
	int ret;
	void *base;
	size_t bytes, page_size;
	unsigned nr_calls;
};

static int tell(void *data, void **base, size_t *bytes, size_t *page_size)
{
	struct info *info = data;

	info->nr_calls++;
	*base = info->base;
	*bytes = info->bytes;
	*page_size = info->page_size;
	return info->ret;
}

/* fixheap_create says ret, and nothing is left of it. */
static void makes(const struct fixheap_config *config, int ret, u64 nr_pages)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };
	struct fixheap *heap = NULL;
	u64 held = host_sim_held();
	int got = fixheap_create(config, &heap);

	if (got != ret)
		fail_msg("fixheap_create: %d, not %d", got, ret);
	if (ret) {
		assert_int_equal(host_sim_held(), held);
		return;
	}
	assert_int_equal(fixheap_stats(heap, &stats), 0);
	assert_int_equal(stats.heap_bytes, BYTES(nr_pages));
	assert_int_equal(fixheap_validate(heap), 0);
	fixheap_destroy(heap);
	assert_int_equal(host_sim_held(), held);
}

static void test_modes(void **state)
{
	static const struct {
		int mode;
		bool base, comm;
		u64 length, extend, max; /* pages */
		unsigned max_regions, flags;
		u64 private_pages;
		int ret;
		u64 nr_pages;
	} table[] = {
#define D FIXHEAP_DETERMINISTIC
		{ FIXHEAP_FIXED, 1, 0, 100, 0, 0, 0, 0, 0, 0, 100 },
		{ FIXHEAP_FIXED, 0, 0, 100, 0, 0, 0, 0, 0, 0, 100 },
		{ FIXHEAP_FIXED, 1, 0, 100, 0, 50, 0, 0, 0, -EINVAL, 0 },
		{ FIXHEAP_FIXED, 1, 0, 100, 0, 900, 0, 0, 0, 0, 100 },
		{ FIXHEAP_FIXED, 1, 0, 100, 0, 900, 65534, 0, 0, 0, 100 },
		{ FIXHEAP_FIXED, 1, 0, 100, 0, 900, 65535, 0, 0, -EINVAL, 0 },
		{ FIXHEAP_FIXED, 1, 1, 100, 0, 0, 0, 0, 0, 0, 100 },
		{ FIXHEAP_FIXED, 1, 0, 0, 0, 0, 0, 0, 0, -EINVAL, 0 },
		/* symmetric ones */
		{ FIXHEAP_FIXED, 1, 0, 100, 0, 0, 0, D, 0, 0, 100 },
		{ FIXHEAP_FIXED, 1, 0, 100, 0, 0, 0, D, 100, 0, 100 },
		{ FIXHEAP_FIXED, 1, 0, 100, 0, 0, 0, D, 101, -EINVAL, 0 },
		{ FIXHEAP_FIXED, 1, 0, 100, 0, 0, 0, 0, 10, -EINVAL, 0 },
		{ FIXHEAP_FIXED, 1, 0, 100, 0, 900, 0, D, 10, -EINVAL, 0 },
		{ FIXHEAP_FIXED, 0, 0, 100, 0, 0, 0, D, 10, 0, 100 },
		{ FIXHEAP_DYNAMIC, 0, 1, 100, 0, 0, 0, D, 0, -EINVAL, 0 },
		{ FIXHEAP_SIMPLE, 0, 0, 100, 0, 0, 0, D, 0, -EINVAL, 0 },
		/* those that grow */
		{ FIXHEAP_SIMPLE, 0, 0, 100, 0, 0, 0, 0, 0, 0, 100 },
		{ FIXHEAP_SIMPLE, 0, 0, 0, 70, 0, 0, 0, 0, 0, 70 },
		{ FIXHEAP_SIMPLE, 0, 0, 0, 0, 50, 0, 0, 0, 0, 50 },
		{ FIXHEAP_SIMPLE, 1, 0, 100, 0, 0, 0, 0, 0, -EINVAL, 0 },
		{ FIXHEAP_SIMPLE, 0, 1, 100, 0, 0, 0, 0, 0, 0, 100 },
		{ FIXHEAP_DYNAMIC, 0, 1, 100, 0, 0, 0, 0, 0, 0, 100 },
		{ FIXHEAP_DYNAMIC, 0, 1, 0, 70, 0, 0, 0, 0, 0, 70 },
		{ FIXHEAP_DYNAMIC, 0, 1, 0, 70, 30, 0, 0, 0, 0, 30 },
		{ FIXHEAP_DYNAMIC, 0, 1, 100, 0, 30, 0, 0, 0, -EINVAL, 0 },
		{ FIXHEAP_DYNAMIC, 1, 1, 100, 0, 0, 0, 0, 0, -EINVAL, 0 },
		{ FIXHEAP_DYNAMIC, 0, 0, 100, 0, 0, 0, 0, 0, -EINVAL, 0 },
		{ FIXHEAP_SIMPLE + 1, 0, 1, 100, 0, 0, 0, 0, 0, -EINVAL, 0 },
#undef D
	};
	static struct test_comm c;

	(void)state;
	comm_make(&c, NULL, 200);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fixheap_config config = FIXHEAP_CONFIG_INIT;

		config.mode = (enum fixheap_mode)table[i].mode;
		config.base = table[i].base ? c.t.base + 199 * BLOCK_BYTES
					    : NULL;
		config.comm = table[i].comm ? &c.comm : NULL;
		config.length = BYTES(table[i].length);
		config.extend_bytes = BYTES(table[i].extend);
		config.max_bytes = BYTES(table[i].max);
		config.max_regions = table[i].max_regions;
		config.flags = table[i].flags;
		config.private_bytes = BYTES(table[i].private_pages);
		c.no_key = true;
		makes(&config, table[i].ret, table[i].nr_pages);
		assert_int_equal(comm_held(&c), 0);
	}
	/* the caller's memory is registered, which this comm layer minds */
	c.nr_wrong = 0;
	munmap(c.t.memory, c.t.bytes);
}

/* A symmetric heap is made of whole pages, and has no policy for nodes. */
static void test_deterministic(void **state)
{
	static struct test_comm c;
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;

	(void)state;
	comm_make(&c, "4x2", 4);
	config.flags = FIXHEAP_DETERMINISTIC;
	config.base = c.t.base + 1;
	config.length = BYTES(100);
	makes(&config, -EINVAL, 0);
	config.base = c.t.base;
	config.length--;
	makes(&config, -EINVAL, 0);
	config.length++;
	config.policy = FIXHEAP_POLICY_INTERLEAVE;
	makes(&config, -EINVAL, 0);
	config.policy = FIXHEAP_POLICY_BLOCKED;
	makes(&config, -EINVAL, 0);
	config.policy = FIXHEAP_POLICY_LOCAL;
	makes(&config, 0, 100);
	munmap(c.t.memory, c.t.bytes);
}

static void test_comm_layer(void **state)
{
	static struct test_comm c;
	static const struct {
		size_t page_size;
		unsigned flags;
		int ret;
	} table[] = {
		{ 0, 0, 0 },	   { 1, 0, 0 },
		{ 4096, 0, 0 },	   { 4097, 0, -EINVAL },
		{ 3, 0, -EINVAL }, { 0, FIXHEAP_COMM_ZEROED, 0 },
		{ 0, 8, -EINVAL }, { 0, 1u << 31, -EINVAL },
	};

	(void)state;
	comm_make(&c, NULL, 200);
	c.no_key = true;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		c.comm.page_size = table[i].page_size;
		c.comm.flags = table[i].flags;
		makes(&c.config, table[i].ret, BLOCKS(4));
	}
	c.comm.flags = 0;
	c.comm.page_size = 0;
	c.comm.size--;
	makes(&c.config, -EINVAL, 0);
	c.comm.size++;
	c.comm.region_alloc = NULL;
	makes(&c.config, -EINVAL, 0);
	assert_int_equal(c.nr_wrong, 0);
	munmap(c.t.memory, c.t.bytes);
}

/* The comm layer has the memory of a fixed heap. */
static void test_heap_info(void **state)
{
	static struct test_comm c;
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_comm comm = FIXHEAP_COMM_INIT;
	struct info info = { .bytes = BYTES(300) };
	unsigned nr_calls;

	(void)state;
	comm_make(&c, NULL, 8);
	comm.heap_info = tell;
	comm.data = &info;
	config.comm = &comm;
	info.base = c.t.base + 77;
	makes(&config, 0, 299);
	assert_int_equal(info.nr_calls, 1);
	info.page_size = 3;
	makes(&config, -EINVAL, 0);
	info.page_size = 2 << 20;
	makes(&config, 0, 299);
	/* no more than the limit */
	comm.max_heap = "1";
	makes(&config, -EINVAL, 0);
	comm.max_heap = NULL;
	config.max_bytes = BYTES(100);
	makes(&config, 0, 99);
	config.max_bytes = BYTES(1000);
	makes(&config, 0, 299);
	info.ret = -ENODATA;
	makes(&config, -ENODATA, 0);
	info.ret = 0;
	info.bytes = 5;
	makes(&config, -EINVAL, 0);
	info.base = NULL;
	info.bytes = BYTES(300);
	makes(&config, -EINVAL, 0);
	/* nobody is asked where there is memory */
	nr_calls = info.nr_calls;
	config.base = c.t.base;
	config.length = BYTES(10);
	makes(&config, 0, 10);
	assert_int_equal(info.nr_calls, nr_calls);
	munmap(c.t.memory, c.t.bytes);
}

static u64 last_key;

static int note_key(void *data, void *base, size_t bytes, u64 *key)
{
	(void)base;
	(void)bytes;
	last_key = *key;
	*key += 1;
	return *(int *)data;
}

/* The key that post_alloc is shown, and that the first region has then. */
static void test_key(void **state)
{
	static const struct {
		enum fixheap_mode mode;
		u64 given, shown;
	} table[] = {
		{ FIXHEAP_FIXED, 17, 17 },
		{ FIXHEAP_FIXED, 0, 0 },
		{ FIXHEAP_SIMPLE, 17, 0 },
	};
	struct fixheap_comm comm = FIXHEAP_COMM_INIT;
	int ret = 0;

	(void)state;
	heap_warm_objects();
	host_sim_reset();
	comm.data = &ret;
	comm.post_alloc = note_key;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fixheap_region region = FIXHEAP_REGION_INIT;
		struct fixheap_config config = FIXHEAP_CONFIG_INIT;
		struct fixheap *heap;

		config.mode = table[i].mode;
		config.length = BYTES(100);
		config.key = table[i].given;
		config.comm = &comm;
		assert_int_equal(fixheap_create(&config, &heap), 0);
		assert_int_equal(last_key, table[i].shown);
		assert_int_equal(fixheap_region_at(heap, 0, &region), 0);
		assert_int_equal(region.key, table[i].shown + 1);
		fixheap_destroy(heap);
		ret = -EPROTO;
		makes(&config, -EPROTO, 0);
		ret = 0;
	}
}

/* The memory that is handed out is that of another heap. */
static void test_in_use(void **state)
{
	static struct test_comm c;
	struct fixheap *heap;

	(void)state;
	comm_make(&c, NULL, 200);
	comm_start(&c);
	c.give = region_get(&c.t, 0).base;
	assert_int_equal(fixheap_create(&c.config, &heap), -EINVAL);
	comm_told(&c, "region_alloc", "memory that is in use already", EEXIST);
	assert_int_equal(comm_held(&c), 1);
	heap_valid(&c.t);
	comm_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_deterministic),
		cmocka_unit_test(test_comm_layer),
		cmocka_unit_test(test_heap_info),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_in_use),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
