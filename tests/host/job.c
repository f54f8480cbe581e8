/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * job.c: tables, chunks and stores; see job.h.
 */
#include <sched.h>
#include <sys/mman.h>

#include "child.h"
#include "job.h"

struct job *job;
int me;
uint64_t random_state;
static uint64_t nr_stamps;

uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9;
	x ^= x >> 27;
	x *= 0x94d049bb133111eb;
	return x ^ x >> 31;
}

uint32_t below(uint32_t n)
{
	random_state += 0x9e3779b97f4a7c15;
	return (uint32_t)(mix(random_state) >> 32) % n;
}

static uint64_t new_stamp(void)
{
	return (uint64_t)(me + 1) << 56 | ++nr_stamps;
}

static uint64_t word(uint64_t stamp, size_t i)
{
	return stamp + i * 0x9e3779b97f4a7c15;
}

uint64_t *chunk_at(int owner, const struct slot *slot, uint32_t chunk)
{
	return (uint64_t *)(job->window[owner] + slot->offset + chunk * CHUNK);
}

void fill_chunk(struct slot *slot, uint32_t chunk)
{
	uint64_t *at = chunk_at(me, slot, chunk);
	size_t i;

	slot->stamp[chunk] = new_stamp();
	for (i = 0; i < WORDS; i++)
		at[i] = word(slot->stamp[chunk], i);
}

void check_slot(const struct slot *slot)
{
	const uint64_t *at;
	uint32_t chunk;
	size_t i;

	for (chunk = 0; chunk < slot->nr; chunk++) {
		at = chunk_at(me, slot, chunk);
		for (i = 0; i < WORDS; i++)
			CHECK(at[i] == word(slot->stamp[chunk], i));
	}
}

/* ---- tables ---------------------------------------------------------------*/

/*
 * The holder of this table died.  Whatever it was doing, at most one chunk is
 * half new; it is made new.
 */
static void recover(int owner, struct table *table)
{
	struct slot *slot;
	uint64_t *at, old;
	size_t i;

	if (table->changing)
		table->closed = true;
	if (table->torn_chunk == NO_CHUNK)
		return;
	CHECK(!table->changing);
	slot = &table->slot[table->torn_slot];
	CHECK(table->torn_chunk < slot->nr);
	old = slot->stamp[table->torn_chunk];
	at = chunk_at(owner, slot, table->torn_chunk);
	for (i = 0; i < WORDS; i++) {
		CHECK(at[i] == word(old, i) ||
		      at[i] == word(table->torn_stamp, i));
		at[i] = word(table->torn_stamp, i);
	}
	slot->stamp[table->torn_chunk] = table->torn_stamp;
	table->torn_chunk = NO_CHUNK;
}

/* Whether it is ours now; nobody takes one over from who may be alive. */
static bool try_lock(int owner, struct table *table)
{
	int holder = 0, dead = atomic_load(&job->dead);

	if (atomic_compare_exchange_strong(&table->holder, &holder, me + 1))
		return true;
	if (dead < 0 || holder != dead + 1 ||
	    !atomic_compare_exchange_strong(&table->holder, &holder, me + 1))
		return false;
	recover(owner, table);
	return true;
}

struct table *lock(int owner)
{
	struct table *table = &job->table[owner];

	while (!try_lock(owner, table))
		sched_yield();
	return table;
}

void unlock(struct table *table)
{
	atomic_store(&table->holder, 0);
}

void store(int owner)
{
	struct table *table = lock(owner);
	uint32_t nr_slot = below(SLOTS);
	struct slot *slot = &table->slot[nr_slot];
	volatile uint64_t *at;
	uint32_t chunk;
	size_t i;

	if (!table->closed && slot->nr) {
		chunk = below(slot->nr);
		table->torn_slot = nr_slot;
		table->torn_stamp = new_stamp();
		atomic_signal_fence(memory_order_seq_cst);
		table->torn_chunk = chunk;
		atomic_signal_fence(memory_order_seq_cst);
		at = chunk_at(owner, slot, chunk);
		for (i = 0; i < WORDS; i++)
			at[i] = word(table->torn_stamp, i);
		atomic_signal_fence(memory_order_seq_cst);
		slot->stamp[chunk] = table->torn_stamp;
		atomic_signal_fence(memory_order_seq_cst);
		table->torn_chunk = NO_CHUNK;
	}
	unlock(table);
}

/* ---- the memory that all share -------------------------------------------*/

static void *map_shared(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	return memory;
}

void make_job(uint64_t seed)
{
	int i;

	job = map_shared(sizeof(*job));
	job->seed = seed;
	job->dead = -1;
	for (i = 0; i < NR; i++) {
		job->table[i].torn_chunk = NO_CHUNK;
		job->window[i] = map_shared(WINDOW);
	}
}

void end_job(void)
{
	int i, holder;

	/* No survivor has kept a lock; the dead one may have. */
	for (i = 0; i < NR; i++) {
		holder = job->table[i].holder;
		assert_true(!holder || holder == job->dead + 1);
		munmap(job->window[i], WINDOW);
	}
	munmap(job, sizeof(*job));
}
