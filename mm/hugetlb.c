/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hugetlb.c: what a caller is told about huge pages.
 *
 * They are mapped by config.c; that nothing is done to parts of one is the
 * business of binding.c, of which mapping_page is the unit.
 *
 * Locking: none.  Cost: file reads.
 */
#include "config.h"
#include "heap.h"

#include <errno.h>
#include <stdio.h>

/* "2 MiB": of a page of a pool. */
static u32 count(size_t page, const char **unit)
{
	*unit = page >> 30 ? "GiB" : "MiB";
	return (u32)(page >> 30 ? page >> 30 : page >> 20);
}

static void advise(struct fixheap_hugetlb *pool, int ret)
{
	size_t bytes = sizeof(pool->advice);
	const char *unit;
	u32 nr = count(pool->page_bytes, &unit);

	pool->advice[0] = 0;
	if (ret == -ENODEV)
		snprintf(pool->advice, bytes,
			 "the system has no pages of %u %s: start it with "
			 "hugepagesz=%u%c hugepages=%llu",
			 nr, unit, nr, unit[0],
			 (unsigned long long)pool->needed);
	else if (ret)
		snprintf(pool->advice, bytes,
			 "%llu pages of %u %s are free, %llu needed: echo %llu "
			 "> /sys/kernel/mm/hugepages/hugepages-%zukB/"
			 "nr_hugepages",
			 (unsigned long long)pool->free, nr, unit,
			 (unsigned long long)pool->needed,
			 (unsigned long long)(pool->total + pool->needed -
					      pool->free),
			 pool->page_bytes >> 10);
}

int fixheap_check_hugetlb(const struct fixheap_config *config,
			  struct fixheap_hugetlb *pool)
{
	struct host_pool found = { 0, 0 };
	int ret;

	if (!config || !pool || pool->size != sizeof(*pool))
		return -EINVAL;
	ret = config_check(config);
	if (ret)
		return ret;
	*pool = (struct fixheap_hugetlb){ .size = sizeof(*pool) };
	pool->page_bytes = config_pool_page(config->flags);
	if (!pool->page_bytes)
		return 0;
	pool->needed = config_own_bytes(config) / pool->page_bytes;
	ret = host_pool(pool->page_bytes, &found);
	pool->free = found.free;
	pool->total = found.total;
	if (!ret && found.free < pool->needed)
		ret = -ENOMEM;
	advise(pool, ret);
	return ret;
}

size_t fixheap_mapping_page(const struct fixheap *heap)
{
	size_t page = config_pool_page(heap->flags);

	return page ? page : host_mapping_page(heap->base);
}
