/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suite_filter.c: the filter does kill, and nothing but what it shall.
 *
 * Each call is made in a child; one on the memory of the blob ends it with
 * SIGSYS.  That the suite passes under the filter means something only with
 * this.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "filter.h"
#include "suite.h"

enum where {
	FIRST,	  /* page of the blob */
	LAST,	  /* of its whole pages */
	AROUND,	  /* from before it to behind it */
	BELOW,	  /* the pages in front of it: its first one begins inside */
	ABOVE,	  /* those behind */
	ELSEWHERE /* far away */
};

static const struct probe {
	long call;
	enum where where;
	long third, fourth; /* arguments */
	bool dies;
} probes[] = {
	{ SYS_madvise, FIRST, MADV_DONTNEED, 0, true },
	{ SYS_madvise, LAST, MADV_DONTNEED, 0, true },
	{ SYS_madvise, AROUND, MADV_HUGEPAGE, 0, true },
	{ SYS_madvise, BELOW, MADV_DONTNEED, 0, false },
	{ SYS_madvise, ABOVE, MADV_DONTNEED, 0, false },
	{ SYS_madvise, ELSEWHERE, MADV_DONTNEED, 0, false },
	{ SYS_munmap, FIRST, 0, 0, true },
	{ SYS_munmap, ABOVE, 0, 0, false },
	{ SYS_munmap, ELSEWHERE, 0, 0, false },
	{ SYS_mprotect, LAST, PROT_READ, 0, true },
	{ SYS_mprotect, BELOW, PROT_NONE, 0, false },
	{ SYS_mremap, FIRST, 8192, MREMAP_MAYMOVE, true },
	{ SYS_mremap, ELSEWHERE, 8192, MREMAP_MAYMOVE, false },
	{ SYS_mmap, FIRST, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS,
	  true },
	{ SYS_mmap, FIRST, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, false },
	{ SYS_mmap, ELSEWHERE, PROT_READ,
	  MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, false },
	{ SYS_mbind, LAST, 0, 0, true },
	{ SYS_mbind, ELSEWHERE, 0, 0, false },
	{ SYS_migrate_pages, ELSEWHERE, 0, 0, true },
	{ SYS_move_pages, FIRST, 0, 0, false },
	{ SYS_move_pages, FIRST, 0, 1, true },
};

static void range_of(enum where where, char **start, size_t *bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *blob = filter_blob(), *first, *last;
	static char elsewhere[3 * 65536];

	first = (char *)(((uintptr_t)blob + page - 1) & -page);
	last = (char *)(((uintptr_t)blob + HEAP_BYTES) & -page) - page;
	*bytes = page;
	switch (where) {
	case FIRST:
		*start = first;
		return;
	case LAST:
		*start = last;
		return;
	case AROUND:
		*start = first - 2 * page;
		*bytes = HEAP_BYTES + 4 * page;
		return;
	case BELOW:
		*start = first - 2 * page;
		return;
	case ABOVE:
		*start = last + 2 * page;
		return;
	default:
		*start = (char *)(((uintptr_t)elsewhere + 65535) & -65536ul);
	}
}

static int probe(void *data)
{
	const struct probe *p = data;
	size_t bytes;
	char *start;

	range_of(p->where, &start, &bytes);
	signal(SIGSYS, SIG_DFL);
	if (p->call == SYS_move_pages) {
		int node = 0, status = 0;
		void *pages = start;

		syscall(p->call, 0, 1ul, &pages, p->fourth ? &node : NULL,
			&status, 0);
	} else if (p->call == SYS_migrate_pages) {
		syscall(p->call, 0, 0ul, NULL, NULL);
	} else {
		syscall(p->call, start, bytes, p->third, p->fourth, -1L, 0L);
	}
	return 0;
}

static void test_kills(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(probes); i++) {
		struct probe p = probes[i];
		int status = in_child(probe, &p, NULL, 0);

		if (p.dies)
			assert_true(WIFSIGNALED(status) &&
				    WTERMSIG(status) == SIGSYS);
		else
			assert_int_equal(status, 0);
	}
}

/* The new place of mremap counts as well. */
static int move_there(void *data)
{
	char *start, *there;
	size_t bytes;

	(void)data;
	range_of(ELSEWHERE, &start, &bytes);
	range_of(FIRST, &there, &bytes);
	syscall(SYS_mremap, start, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
		there);
	return 0;
}

static void test_kills_mremap(void **state)
{
	int status = in_child(move_there, NULL, NULL, 0);

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

/* What is about nodes and touching asks the kernel at most. */
static void test_nodes(void **state)
{
	static const enum fixheap_policy policies[] = {
		FIXHEAP_POLICY_DEFAULT,	   FIXHEAP_POLICY_LOCAL,
		FIXHEAP_POLICY_BIND,	   FIXHEAP_POLICY_PREFERRED,
		FIXHEAP_POLICY_INTERLEAVE, FIXHEAP_POLICY_BLOCKED
	};
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct fixheap_verification verification = { .size = sizeof(
							     verification) };
	int node = fixheap_node_of(suite.heap, filter_blob());
	void *array;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(policies); i++) {
		attr.policy = policies[i];
		attr.nodes = i < 2 || node < 0 ? 0 : 1ull << node;
		array = fixheap_array_alloc(suite.heap, 3 * MIB, &attr);
		if (!array)
			continue;
		assert_int_equal(fixheap_array_touch(suite.heap, array, 2,
						     FIXHEAP_TOUCH_ZERO),
				 0);
		fixheap_verify_placement(suite.heap, array, 3 * MIB,
					 &verification);
		fixheap_array_free(suite.heap, array);
	}
	attr = (struct fixheap_array_attr)FIXHEAP_ARRAY_ATTR_INIT;
	attr.flags = FIXHEAP_FRESH;
	errno = 0;
	assert_null(fixheap_array_alloc(suite.heap, MIB, &attr));
	assert_int_equal(errno, ENOTSUP);
	fixheap_largest_free(suite.heap, &attr);
}

/* On a heap that is not pinned the library itself is caught. */
static int be_fresh(void *data)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct test_heap t;

	(void)data;
	fixheap_destroy(suite.heap);
	heap_prepare(&t, suite.mode);
	t.config.flags = 0;
	must(!fixheap_create(&t.config, &t.heap));
	attr.flags = FIXHEAP_FRESH;
	fixheap_array_alloc(t.heap, MIB, &attr);
	return 0;
}

static void test_kills_fresh(void **state)
{
	int status = in_child(be_fresh, NULL, NULL, 0);

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static const struct CMUnitTest tests[] = {
	SUITE_TEST(kills),
	SUITE_TEST(kills_mremap),
	SUITE_TEST(kills_fresh),
	SUITE_TEST(nodes),
};
const struct suite_part suite_filter = { tests, ARRAY_LEN(tests) };
