/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_je_glue.c: the private jemalloc starts as it should, mm/je_glue.c, and
 * is as the library believes it to be.
 */
#include "objects_test.h"

#include <sys/wait.h>
#include <unistd.h>

#include "je.h"
#include "size_class.h"
#include "thread_cache.h"

#if __has_include(<jemalloc/jemalloc.h>)
#define JEMALLOC_NO_RENAME
#include <jemalloc/jemalloc.h>

#define SAME_PLACE(member)                                              \
	_Static_assert(offsetof(struct extent_hooks, member) ==         \
			       offsetof(struct extent_hooks_s, member), \
		       "extent hooks in jemalloc's order")
SAME_PLACE(alloc);
SAME_PLACE(dalloc);
SAME_PLACE(destroy);
SAME_PLACE(commit);
SAME_PLACE(decommit);
SAME_PLACE(purge_lazy);
SAME_PLACE(purge_forced);
SAME_PLACE(split);
SAME_PLACE(merge);
_Static_assert(sizeof(struct extent_hooks) == sizeof(struct extent_hooks_s),
	       "nine hooks");
_Static_assert(JE_ARENA(77u) == MALLOCX_ARENA(77), "field of the arena");
_Static_assert(JE_TCACHE_NONE == MALLOCX_TCACHE_NONE, "field of the tcache");
#endif

static void test_boots_once(void **state)
{
	(void)state;
	assert_int_equal(je_boot(), 0);
	assert_int_equal(je_boot(), 0);
	assert_true(je_page_shift >= PAGE_SHIFT);
}

static size_t number(const char *name)
{
	size_t value = 0, size = sizeof(value);

	assert_int_equal(fhje_mallctl(name, &value, &size, NULL, 0), 0);
	return value;
}

static bool truth(const char *name)
{
	bool value = false;
	size_t size = sizeof(value);

	assert_int_equal(fhje_mallctl(name, &value, &size, NULL, 0), 0);
	return value;
}

/* The words of the option string that matter were understood. */
static void test_options_are_ours(void **state)
{
	unsigned nr_arenas = 0, nr_slots = 0;
	size_t size = sizeof(nr_arenas);

	(void)state;
	assert_int_equal(
		fhje_mallctl("opt.narenas", &nr_arenas, &size, NULL, 0), 0);
	assert_int_equal(nr_arenas, 1);
	assert_int_equal(fhje_mallctl("opt.tcache_nslots_small_min", &nr_slots,
				      &size, NULL, 0),
			 0);
	assert_int_equal(nr_slots, 8);
	assert_int_equal(number("opt.tcache_max"), SMALL_MAX);
	assert_int_equal(number("opt.dirty_decay_ms"), 1000);
	assert_int_equal(number("opt.muzzy_decay_ms"), 0);
	assert_int_equal(number("opt.oversize_threshold"), 65536);
	assert_false(truth("opt.retain"));
	assert_false(truth("opt.background_thread"));
	assert_false(truth("opt.hpa"));
	assert_false(truth("opt.abort"));
	assert_true(truth("opt.tcache"));
}

/* jemalloc's classes, but for its smallest, are those of size_class.c. */
static void test_classes_are_jemallocs(void **state)
{
	(void)state;
	assert_int_equal(je_boot(), 0);
	for (u32 class = 1; class <= NR_SIZE_CLASSES; class ++) {
		char name[64];

		snprintf(name, sizeof(name), "arenas.bin.%u.size", class);
		assert_int_equal(number(name), size_class[class].size);
		snprintf(name, sizeof(name), "arenas.bin.%u.slab_size", class);
		assert_int_equal(number(name),
				 size_class_slab(&size_class[class],
						 je_page_shift));
	}
}

/* A thread leaves our list before jemalloc ends its state. */
static void test_our_key_is_older_than_jemallocs(void **state)
{
	(void)state;
	assert_int_equal(je_boot(), 0);
	assert_true(threads_key() < fhje_je_tsd_tsd);
}

/* In a child that was started with MALLOC_CONF set. */
static int as_child(void)
{
	size_t ms = 0, size = sizeof(ms);

	if (fhje_mallctl("opt.dirty_decay_ms", &ms, &size, NULL, 0))
		return 2;
	return ms == 1000 ? 0 : 3;
}

static void test_environment_is_not_read(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (!child) {
		setenv("MALLOC_CONF", "dirty_decay_ms:77,narenas:5", 1);
		execl("/proc/self/exe", "test_je_glue", "child", NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(boots_once),
		TEST(options_are_ours),
		TEST(classes_are_jemallocs),
		TEST(our_key_is_older_than_jemallocs),
		TEST(environment_is_not_read),
	};

	if (argc > 1 && !strcmp(argv[1], "child"))
		return as_child();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
