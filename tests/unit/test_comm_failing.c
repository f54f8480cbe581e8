/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_comm_failing.c: creation fails at each call of the host in turn: the
 * first region goes back as what it is, with the key that it was given.
 */
#include <sys/mman.h>

#include "support.h"

#define KEY 77
#define LENGTH (4 * (size_t)BLOCK_BYTES)

static bool is_live, is_registered;
static unsigned nr_registered;

static void *give(void *data, size_t bytes, int node)
{
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)data;
	(void)node;
	assert_true(base != MAP_FAILED);
	is_live = true;
	return base;
}

static int enrol(void *data, void *base, size_t bytes, uint64_t *key)
{
	(void)data;
	(void)base;
	(void)bytes;
	assert_true(*key == FIXHEAP_KEY_NONE);
	*key = KEY;
	is_registered = true;
	nr_registered++;
	return 0;
}

static bool take(void *data, void *base, size_t bytes, uint64_t key)
{
	(void)data;
	assert_true(is_live);
	assert_true(key == (is_registered ? KEY : FIXHEAP_KEY_NONE));
	munmap(base, bytes);
	is_live = is_registered = false;
	return true;
}

static void test_each_call(void **state)
{
	struct fixheap_comm comm = FIXHEAP_COMM_INIT;
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap = NULL;
	unsigned nr_lost = 0;
	u64 nr_failed;
	int ret;

	(void)state;
	comm.region_alloc = give;
	comm.post_alloc = enrol;
	comm.region_free = take;
	config.mode = FIXHEAP_DYNAMIC;
	config.comm = &comm;
	config.length = LENGTH;
	for (long n = 1;; n++) {
		unsigned before = nr_registered;

		host_sim_reset();
		host_sim_fail_any(n);
		ret = fixheap_create(&config, &heap);
		nr_failed = host_sim_failed();
		host_sim_fail_any(0);
		nr_lost += ret && nr_registered > before;
		assert_int_equal(is_live, !ret);
		if (!ret)
			fixheap_destroy(heap);
		assert_false(is_live);
		if (!nr_failed)
			break;
	}
	/* some failed when it was registered */
	if (IS_ENABLED(CONFIG_JEMALLOC))
		assert_true(nr_lost > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
