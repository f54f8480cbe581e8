/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config.c: reading a heap's config, and where its first memory comes from.
 *
 *   FIXHEAP_FIXED    the caller's range, what the comm layer has, or mapped
 *   FIXHEAP_DYNAMIC  the comm layer's
 *   FIXHEAP_SIMPLE   mapped
 *
 * From then on all heaps are alike.
 *
 * Locking: none; callbacks run without locks.  Cost: the comm layer's.
 */
#include "config.h"

#include "grow.h"

#include <errno.h>

#define RANGES_DEFAULT 1024
#define KNOWN_FLAGS                                                       \
	(FIXHEAP_PINNED | FIXHEAP_ZEROED | FIXHEAP_HUGEPAGES |            \
	 FIXHEAP_SHRINK | FIXHEAP_DETERMINISTIC | FIXHEAP_DECAY_THREAD |  \
	 FIXHEAP_HUGETLB_2M | FIXHEAP_HUGETLB_1G | FIXHEAP_REPORT_LEAKS | \
	 FIXHEAP_SHARE)

static bool is_fixed(const struct fixheap_config *config)
{
	return config->mode == FIXHEAP_FIXED;
}

static bool may_grow(const struct fixheap_config *config)
{
	return !is_fixed(config) || config->max_bytes > config->length;
}

/* The comm layer has the memory of a fixed heap. */
static bool has_info(const struct fixheap_config *config)
{
	return is_fixed(config) && !config->base && config->comm &&
	       config->comm->heap_info;
}

static bool policy_is_good(enum fixheap_policy policy)
{
	return policy == FIXHEAP_POLICY_DEFAULT ||
	       policy == FIXHEAP_POLICY_LOCAL ||
	       policy == FIXHEAP_POLICY_INTERLEAVE ||
	       policy == FIXHEAP_POLICY_BLOCKED;
}

/* Huge pages of one size, of memory that the system gives. */
static bool pool_is_good(const struct fixheap_config *config)
{
	unsigned both = FIXHEAP_HUGETLB_2M | FIXHEAP_HUGETLB_1G;

	if (!(config->flags & both))
		return true;
	return (config->flags & both) != both && !config->base &&
	       !has_info(config) && config->mode != FIXHEAP_DYNAMIC &&
	       config_unit(config->flags) % PAGE_BYTES == 0;
}

/* What the modes do not take. */
static int check_mode(const struct fixheap_config *config)
{
	size_t mask = PAGE_BYTES - 1;

	if ((int)config->mode < 0 || config->mode > FIXHEAP_SIMPLE ||
	    (!is_fixed(config) && config->base) ||
	    (config->max_bytes && config->max_bytes < config->length) ||
	    config->max_regions > RANGES_MAX || !pool_is_good(config))
		return -EINVAL;
	if (!(config->flags & FIXHEAP_DETERMINISTIC))
		return config->private_bytes ? -EINVAL : 0;
	if (may_grow(config) ||
	    ((uintptr_t)config->base | config->length) & mask ||
	    config->private_bytes > config->length ||
	    (config->policy != FIXHEAP_POLICY_DEFAULT &&
	     config->policy != FIXHEAP_POLICY_LOCAL))
		return -EINVAL;
	return 0;
}

/* A range that holds a page, and is not too large. */
static int check_memory(const void *start, size_t length)
{
	uintptr_t base = (uintptr_t)start;

	if (base + length < base || base > UINTPTR_MAX - PAGE_BYTES ||
	    length > 1ull << CONFIG_HEAP_SHIFT)
		return -EINVAL;
	if (round_up(base, PAGE_BYTES) + PAGE_BYTES > base + length)
		return -EINVAL;
	return 0;
}

/* Giving memory back by itself. */
static int check_decay(const struct fixheap_config *config)
{
	unsigned never = FIXHEAP_PINNED | FIXHEAP_DETERMINISTIC;

	if (!config->decay_ms)
		return config->flags & FIXHEAP_DECAY_THREAD ? -EINVAL : 0;
	if (!IS_ENABLED(CONFIG_TRIM))
		return -ENOTSUP;
	return config->flags & never ? -EINVAL : 0;
}

int config_check(const struct fixheap_config *config)
{
	int ret;

	if (config->size != sizeof(*config) || config->flags & ~KNOWN_FLAGS ||
	    !policy_is_good(config->policy))
		return -EINVAL;
	if (config->flags & FIXHEAP_SHARE && !IS_ENABLED(CONFIG_ATTACH))
		return -ENOTSUP;
	ret = check_mode(config);
	if (!ret)
		ret = check_decay(config);
	if (!ret)
		ret = comm_check(config);
	if (ret || has_info(config) || (!is_fixed(config) && !config->length))
		return ret;
	return check_memory(config->base, config->length);
}

u64 config_max_pages(const struct fixheap_config *config)
{
	u64 most = 1ull << CONFIG_HEAP_SHIFT;
	size_t bytes;

	if (config->max_bytes)
		most = min_u64(most, config->max_bytes);
	if (config->comm && config->comm->max_heap &&
	    !fixheap_parse_size(config->comm->max_heap, &bytes))
		most = min_u64(most, bytes);
	return most >> PAGE_SHIFT;
}

u32 config_max_ranges(const struct fixheap_config *config)
{
	if (!may_grow(config))
		return 1;
	return config->max_regions ? config->max_regions : RANGES_DEFAULT;
}

static int ask_for_heap(const struct fixheap_config *config,
			struct range *first)
{
	size_t page_size = 0, bytes = 0;
	void *base = NULL;
	int ret;

	ret = config->comm->heap_info(config->comm->data, &base, &bytes,
				      &page_size);
	if (ret)
		return ret;
	if (!base || (page_size && !is_pow2(page_size)))
		return -EINVAL;
	if (config->flags & FIXHEAP_DETERMINISTIC &&
	    (((uintptr_t)base | bytes) & (PAGE_BYTES - 1) ||
	     config->private_bytes > bytes))
		return -EINVAL;
	first->base = base;
	first->bytes = min_u64(bytes, config_max_pages(config) << PAGE_SHIFT);
	return check_memory(first->base, first->bytes);
}

/* Of a heap that asks for regions. */
static size_t first_bytes(const struct fixheap_config *config)
{
	if (config->length)
		return config->length;
	return config->extend_bytes ? config->extend_bytes : EXTEND_BYTES;
}

size_t config_own_bytes(const struct fixheap_config *config)
{
	size_t bytes = is_fixed(config) ? config->length : first_bytes(config);

	if (config->base || has_info(config) || config->mode == FIXHEAP_DYNAMIC)
		return 0;
	return round_up(bytes, config_unit(config->flags));
}

void *config_map(unsigned flags, size_t bytes)
{
	size_t page = config_pool_page(flags);

	return page ? host_map_pool(bytes, page)
		    : host_map(bytes, flags & FIXHEAP_HUGEPAGES);
}

/* As the first of them. */
static int ask_for_region(const struct fixheap_config *config,
			  struct range *first)
{
	const struct fixheap_comm *comm = config->comm;
	size_t unit =
		max_u64(comm ? comm->page_size : 0, config_unit(config->flags));
	size_t bytes = first_bytes(config);
	int ret;

	bytes = min_u64(round_up(bytes, unit),
			round_down(config_max_pages(config) << PAGE_SHIFT,
				   unit));
	if (!bytes)
		return -EINVAL;
	ret = comm_alloc(config, bytes, -1, first);
	if (ret)
		return ret;
	if (!registry_overlaps(first->base, first->bytes))
		return check_memory(first->base, first->bytes);
	comm_failed(comm, "region_alloc", "memory that is in use already",
		    first, EEXIST);
	first->source = RANGE_CALLER;
	return -EINVAL;
}

int config_memory(const struct fixheap_config *config, struct range *first)
{
	first->key = config->key;
	first->source = RANGE_CALLER;
	first->zeroed = config->flags & FIXHEAP_ZEROED;
	first->base = config->base;
	first->bytes = config->length;
	if (!is_fixed(config)) {
		first->key = 0;
		return ask_for_region(config, first);
	}
	if (has_info(config))
		return ask_for_heap(config, first);
	if (config->base)
		return 0;
	first->bytes = config_own_bytes(config);
	first->source = RANGE_HOST;
	first->zeroed = true;
	first->base = config_map(config->flags, first->bytes);
	return first->base ? 0 : -ENOMEM;
}
