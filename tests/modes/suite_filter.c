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

static const struct CMUnitTest tests[] = {
	SUITE_TEST(kills),
	SUITE_TEST(kills_mremap),
};
const struct suite_part suite_filter = { tests, ARRAY_LEN(tests) };
