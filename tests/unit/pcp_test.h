/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcp_test.h: single pages through the caches of CPUs, of node 0.
 */
#ifndef TESTS_UNIT_PCP_TEST_H
#define TESTS_UNIT_PCP_TEST_H

#include "support.h"

#include "pcp.h"
#include "runmap.h"

static u64 raw_page(void)
{
	return page_make(PAGE_RAW, PLACE_SMALL, 0);
}

static u64 get(struct test_heap *t)
{
	bool zero;
	u64 pfn;

	assert_true(pcp_get(&t->heap->node[0], raw_page(), &pfn, &zero));
	assert_int_equal(page_read(&t->heap->page[pfn]), raw_page());
	return pfn;
}

static void put(struct test_heap *t, u64 pfn)
{
	assert_true(pcp_put(&t->heap->node[0], raw_page(), pfn));
}

/* Take this page as if it had come from the zone. */
static void take(struct test_heap *t, u64 pfn)
{
	const struct run run = { pfn, 1 };

	region_take_locked(t->region, &run, PLACE_SMALL);
	runmap_set(t->region, &run, raw_page());
}

#endif
