/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * threads_test.h: threads that use a heap as hard as they can, for tests.
 *
 * Threads cannot fail a test: they count what is wrong, and the test looks at
 * the count when they are done.
 */
#ifndef TESTS_UNIT_THREADS_TEST_H
#define TESTS_UNIT_THREADS_TEST_H

#include "objects_test.h"

static unsigned wrong;

static inline void check(bool right)
{
	if (!right)
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
}

static inline int setup(void **state)
{
	wrong = 0;
	return reset_machine(state);
}

/* An object with its size and a number in its first and last bytes. */
static inline void *make_object(struct fixheap *heap, size_t bytes)
{
	u64 *object = fixheap_malloc(heap, bytes < 16 ? 16 : bytes);

	if (!object)
		return NULL;
	check(fixheap_owns(heap, object));
	object[0] = bytes;
	((char *)object)[bytes < 16 ? 15 : bytes - 1] = 0x5c;
	return object;
}

static inline void end_object(struct fixheap *heap, void *object)
{
	u64 bytes = object ? *(u64 *)object : 0;

	if (!object)
		return;
	check(((char *)object)[bytes < 16 ? 15 : bytes - 1] == 0x5c);
	fixheap_free(heap, object);
}

static inline size_t random_size(u64 *seed)
{
	u64 random = next_random(seed);

	return (random >> 8) % (random % 16 ? 1500 : 40000);
}

/* ---- load --------------------------------------------------------------- */

#define SHARED 256
struct load {
	struct fixheap *heap;
	unsigned *stop; /* until it is set; NULL: so many steps */
	u64 seed, steps;
	u32 cpu;
	void **shared; /* [SHARED] objects that any thread may free */
};

#define OWN 512
static inline void *run_load(void *arg)
{
	struct load *load = arg;
	void *own[OWN] = { NULL };
	u64 i;

	host_sim_set_cpu(load->cpu);
	for (i = 0; load->stop ? !__atomic_load_n(load->stop, __ATOMIC_RELAXED)
			       : i < load->steps;
	     i++) {
		u64 random = next_random(&load->seed);
		void **slot = &own[random % OWN], *other;

		end_object(load->heap, *slot);
		*slot = random >> 30 & 1 ? make_object(load->heap,
						       random_size(&load->seed))
					 : NULL;
		if (random >> 31 & 3 || !load->shared)
			continue;
		other = make_object(load->heap, random_size(&load->seed));
		other = __atomic_exchange_n(
			&load->shared[(random >> 16) % SHARED], other,
			__ATOMIC_ACQ_REL);
		end_object(load->heap, other);
	}
	for (i = 0; i < OWN; i++)
		end_object(load->heap, own[i]);
	return NULL;
}

#define THREADS 4
struct crowd {
	struct load load[THREADS];
	pthread_t thread[THREADS];
	void *shared[SHARED];
	unsigned stop;
};

static inline void crowd_start(struct crowd *crowd, struct fixheap *heap,
			       u64 steps)
{
	memset(crowd, 0, sizeof(*crowd));
	for (u32 i = 0; i < THREADS; i++) {
		crowd->load[i] = (struct load){ .heap = heap,
						.stop = &crowd->stop,
						.seed = i + 1,
						.steps = steps,
						.cpu = i,
						.shared = crowd->shared };
		if (steps)
			crowd->load[i].stop = NULL;
		crowd->thread[i] = start_thread(run_load, &crowd->load[i]);
	}
}

static inline void crowd_end(struct crowd *crowd, struct fixheap *heap)
{
	__atomic_store_n(&crowd->stop, 1, __ATOMIC_RELAXED);
	for (u32 i = 0; i < THREADS; i++)
		join_thread(crowd->thread[i]);
	for (u32 i = 0; i < SHARED; i++)
		end_object(heap, crowd->shared[i]);
	assert_int_equal(wrong, 0);
}

#define THREAD_TEST(name) cmocka_unit_test_setup(test_##name, setup)

#endif
