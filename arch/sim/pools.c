/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pools.c: huge pages that are kept in pools, on the simulated machine.
 *
 * A test says how many of which size there are.  Memory mapped from a pool is
 * real memory, of pages of the system; what is kept is how many pages of the
 * pool are promised, and which page each mapping has.
 *
 * Locking: a mutex.  Cost: O(mappings).
 */
#include "sim.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define POOLS_MAX 4
#define MAPPINGS_MAX 256

static struct {
	pthread_mutex_t lock;
	struct {
		size_t page; /* 0: none */
		struct host_pool pool;
	} pool[POOLS_MAX];
	struct {
		char *start; /* NULL: none */
		size_t bytes, page;
	} mapping[MAPPINGS_MAX];
} pools = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct host_pool *find(size_t page)
{
	u32 i = 0;

	while (i < POOLS_MAX && pools.pool[i].page != page)
		i++;
	return i < POOLS_MAX ? &pools.pool[i].pool : NULL;
}

void pools_reset(void)
{
	pthread_mutex_lock(&pools.lock);
	memset(pools.pool, 0, sizeof(pools.pool));
	memset(pools.mapping, 0, sizeof(pools.mapping));
	pthread_mutex_unlock(&pools.lock);
}

void host_sim_set_pool(size_t page, u64 nr)
{
	struct host_pool *pool;
	u32 i = 0;

	pthread_mutex_lock(&pools.lock);
	pool = find(page);
	while (!pool && i < POOLS_MAX && pools.pool[i].page)
		i++;
	if (!pool && i < POOLS_MAX) {
		pools.pool[i].page = page;
		pool = &pools.pool[i].pool;
	}
	if (!pool || nr < pool->total - pool->free)
		sim_misuse("too many pools, or a page of one is in use");
	pool->free += nr - pool->total;
	pool->total = nr;
	pthread_mutex_unlock(&pools.lock);
}

int host_pool(size_t page, struct host_pool *pool)
{
	const struct host_pool *found;

	sim_enter(HOST_SIM_POOL);
	pthread_mutex_lock(&pools.lock);
	found = find(page);
	if (found)
		*pool = *found;
	pthread_mutex_unlock(&pools.lock);
	return found ? 0 : -ENODEV;
}

bool pools_take(size_t bytes, size_t page)
{
	struct host_pool *pool;
	bool good;

	if (!bytes || bytes % page)
		sim_misuse("host_map_pool of a part of a page");
	pthread_mutex_lock(&pools.lock);
	pool = find(page);
	good = pool && pool->free >= bytes / page;
	if (good)
		pool->free -= bytes / page;
	pthread_mutex_unlock(&pools.lock);
	return good;
}

void pools_add(void *start, size_t bytes, size_t page)
{
	u32 i = 0;

	pthread_mutex_lock(&pools.lock);
	while (i < MAPPINGS_MAX && pools.mapping[i].start)
		i++;
	if (i == MAPPINGS_MAX)
		sim_misuse("too many mappings of huge pages");
	pools.mapping[i].start = start;
	pools.mapping[i].bytes = bytes;
	pools.mapping[i].page = page;
	pthread_mutex_unlock(&pools.lock);
}

void pools_give(void *start)
{
	u32 i = 0;

	pthread_mutex_lock(&pools.lock);
	while (i < MAPPINGS_MAX && pools.mapping[i].start != start)
		i++;
	if (i < MAPPINGS_MAX) {
		find(pools.mapping[i].page)->free +=
			pools.mapping[i].bytes / pools.mapping[i].page;
		pools.mapping[i].start = NULL;
	}
	pthread_mutex_unlock(&pools.lock);
}

size_t pools_page(const void *addr)
{
	size_t page = 0;
	u32 i;

	pthread_mutex_lock(&pools.lock);
	for (i = 0; i < MAPPINGS_MAX; i++)
		if (pools.mapping[i].start &&
		    (size_t)((const char *)addr - pools.mapping[i].start) <
			    pools.mapping[i].bytes)
			page = pools.mapping[i].page;
	pthread_mutex_unlock(&pools.lock);
	return page;
}
