/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_job.c: one process of a job is killed, and the others go on.
 *
 * Four processes have a window each, all of them mapped in all, and each has a
 * pinned heap in its own.  The books of a heap are private to its process; what
 * its arrays hold is everybody's, so every process stores into the arrays of
 * the others all the time, while these are allocated, grown, replaced and
 * freed: see job.h.  Then one is killed with SIGKILL, wherever it is: in a
 * store, in the allocator, with a lock held.
 *
 * The survivors then check all that they hold, go on, fill their heaps up to
 * the last page, free everything, and end with empty heaps.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <fixheap/fixheap.h>

#include "child.h"
#include "job.h"

#include "../steps.h"

#define JOBS TEST_STEPS(20) /* one after the other */
#define OBJECTS 64	    /* of a process, at a time */
#define AHEAD 50	    /* steps that a process may be ahead of another */
#define LIMIT 120	    /* seconds; a hang is a failure */

struct object {
	size_t bytes;
	unsigned char data[];
};

/* Of one process. */
static struct fixheap *heap;
static struct object *objects[OBJECTS];
static unsigned faults;

/* ---- the own heap ---------------------------------------------------------*/

/* The slot's array is here and so long; the chunks that are new are filled. */
static void publish(struct slot *slot, void *array, uint32_t nr)
{
	uint32_t chunk;

	slot->offset = (size_t)((char *)array - job->window[me]);
	CHECK(slot->offset + nr * CHUNK <= WINDOW);
	for (chunk = slot->nr; chunk < nr; chunk++)
		fill_chunk(slot, chunk);
	slot->nr = nr;
}

/* NULL is ENOMEM, and only where nothing serves. */
static void *array_or_enomem(size_t bytes)
{
	void *array;

	errno = 0;
	array = fixheap_array_alloc(heap, bytes, NULL);
	if (!array) {
		CHECK(errno == ENOMEM);
		CHECK(fixheap_largest_free(heap, NULL) < bytes);
	}
	return array;
}

/* Grow by realloc, shrink in place, or put another array in its place. */
static void change(struct slot *slot, uint32_t nr)
{
	char *old = job->window[me] + slot->offset, *array;

	if (nr < slot->nr) {
		CHECK(!fixheap_array_resize(heap, old, nr * CHUNK));
		slot->nr = nr;
		return;
	}
	if (below(2)) {
		array = fixheap_array_realloc(heap, old, nr * CHUNK);
		CHECK(array || errno == ENOMEM);
	} else {
		array = array_or_enomem(nr * CHUNK);
		if (array) {
			memcpy(array, old, slot->nr * CHUNK);
			fixheap_array_free(heap, old);
		}
	}
	if (array)
		publish(slot, array, nr);
}

static void change_some_array(void)
{
	struct table *table = lock(me);
	struct slot *slot = &table->slot[below(SLOTS)];
	uint32_t nr = 1 + below(MAX_CHUNKS);
	char *array;

	table->changing = true;
	atomic_signal_fence(memory_order_seq_cst);
	check_slot(slot);
	if (!slot->nr) {
		array = array_or_enomem(nr * CHUNK);
		if (array)
			publish(slot, array, nr);
	} else if (below(3)) {
		change(slot, nr);
	} else {
		fixheap_array_free(heap, job->window[me] + slot->offset);
		slot->nr = 0;
	}
	check_slot(slot);
	atomic_signal_fence(memory_order_seq_cst);
	table->changing = false;
	unlock(table);
}

static void free_object(unsigned i)
{
	size_t k;

	if (!objects[i])
		return;
	for (k = 0; k < objects[i]->bytes; k++)
		CHECK(objects[i]->data[k] == (unsigned char)(i + k));
	fixheap_free(heap, objects[i]);
	objects[i] = NULL;
}

static void change_some_object(void)
{
	unsigned i = below(OBJECTS);
	size_t k, bytes = below(below(8) ? 500 : 40000);

	free_object(i);
	objects[i] = fixheap_malloc(heap, sizeof(struct object) + bytes);
	CHECK(objects[i] || errno == ENOMEM);
	if (!objects[i])
		return;
	objects[i]->bytes = bytes;
	for (k = 0; k < bytes; k++)
		objects[i]->data[k] = (unsigned char)(i + k);
}

static void step(void)
{
	change_some_object();
	if (!below(4))
		change_some_array();
	else
		store((me + 1 + (int)below(NR - 1)) % NR);
	atomic_fetch_add(&job->steps[me], 1);
}

/* A lock goes to who is running, not to who waits: none may leave the others
 * behind. */
static void wait_for_others(void)
{
	uint64_t mine = atomic_load(&job->steps[me]);
	int i;

	for (i = 0; i < NR; i++)
		while (atomic_load(&job->steps[i]) + AHEAD < mine &&
		       atomic_load(&job->dead) < 0)
			sched_yield();
}

static void note_fault(void *data, const struct fixheap_fault *fault)
{
	(void)data;
	CHECK(!strcmp(fault->what, "foreign pointer"));
	faults++;
}

static struct fixheap *create(char *window)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *made;

	config.base = window;
	config.length = WINDOW;
	config.flags = FIXHEAP_PINNED;
	config.fault = note_fault;
	CHECK(!fixheap_create(&config, &made));
	return made;
}

static size_t used(struct fixheap *of)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	fixheap_reclaim(of);
	CHECK(!fixheap_stats(of, &stats));
	return stats.used_bytes;
}

/* ---- after the death ------------------------------------------------------*/

/* All that is free can be had: largest array by largest array, to the page. */
static void fill_up(void)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };
	void *first = NULL, *array;
	size_t bytes;

	while ((bytes = fixheap_largest_free(heap, NULL)) > 0) {
		CHECK(!fixheap_array_alloc(heap, bytes + 1, NULL));
		CHECK(errno == ENOMEM);
		array = fixheap_array_alloc(heap, bytes, NULL);
		CHECK(array);
		*(void **)array = first;
		first = array;
	}
	CHECK(!fixheap_stats(heap, &stats));
	CHECK(stats.used_bytes == stats.heap_bytes);
	CHECK(!fixheap_array_alloc(heap, 1, NULL) && errno == ENOMEM);
	for (; first; first = array) {
		array = *(void **)first;
		fixheap_array_free(heap, first);
	}
}

/* The window of the dead one is memory like any other: a new heap in it. */
static void take_over(char *window)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct fixheap *second = create(window);
	size_t i, bytes = fixheap_largest_free(second, NULL);
	char *array;

	CHECK(bytes == WINDOW);
	attr.flags = FIXHEAP_ZERO;
	array = fixheap_array_alloc(second, bytes, &attr);
	CHECK(array == window);
	for (i = 0; i < bytes; i++)
		CHECK(!array[i]);
	fixheap_array_free(second, array);
	CHECK(!fixheap_validate(second));
	CHECK(!used(second));
	fixheap_destroy(second);
}

static void rest(void)
{
	atomic_fetch_add(&job->resting, 1);
	while (atomic_load(&job->resting) < NR - 1)
		sched_yield();
}

static void survive(int dead)
{
	unsigned i;

	CHECK(!fixheap_validate(heap));
	for (i = 0; i < 200; i++)
		step();
	rest();
	CHECK(!fixheap_validate(heap));
	/* What is the dead one's is not ours, before and after. */
	fixheap_free(heap, job->window[dead]);
	fixheap_array_free(heap, job->window[dead] + CHUNK);
	CHECK(faults == 2);
	for (i = 0; i < SLOTS; i++)
		check_slot(&job->table[me].slot[i]);
	fill_up();
	for (i = 0; i < SLOTS; i++) {
		struct slot *slot = &job->table[me].slot[i];

		check_slot(slot);
		if (slot->nr)
			fixheap_array_free(heap,
					   job->window[me] + slot->offset);
	}
	for (i = 0; i < OBJECTS; i++)
		free_object(i);
	CHECK(!fixheap_validate(heap));
	CHECK(!used(heap));
	CHECK(fixheap_largest_free(heap, NULL) == WINDOW);
	if (me == (dead + 1) % NR)
		take_over(job->window[dead]);
	fixheap_destroy(heap);
}

static void process(void)
{
	alarm(LIMIT);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGABRT, SIG_DFL);
	random_state = mix(job->seed * NR + (uint64_t)me);
	heap = create(job->window[me]);
	while (atomic_load(&job->dead) < 0) {
		step();
		wait_for_others();
	}
	survive(atomic_load(&job->dead));
	_exit(0);
}

/* ---- the job --------------------------------------------------------------*/

/* Kill it after so many steps of its own, or a little later. */
static void kill_after(pid_t pid, int which, uint64_t steps)
{
	int status;

	while (atomic_load(&job->steps[which]) < steps)
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	atomic_store(&job->dead, which);
}

static void run_job(uint64_t seed)
{
	int i, victim, status, failed = 0;
	pid_t pid[NR];

	make_job(seed);
	for (i = 0; i < NR; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (!pid[i]) {
			me = i;
			process();
		}
	}
	random_state = seed;
	victim = (int)below(NR);
	kill_after(pid[victim], victim, 50 + below(1000));
	for (i = 0; i < NR; i++) {
		if (i == victim)
			continue;
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		failed += status != 0;
	}
	assert_int_equal(failed, 0);
	end_job();
}

static void test_one_is_killed(void **state)
{
	const char *given = getenv("SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	unsigned i;

	(void)state;
	/* What is played again is what each does, not how they interleave. */
	print_message("seed %llu; again: SEED=%llu test_job\n",
		      (unsigned long long)seed, (unsigned long long)seed);
	for (i = 0; i < JOBS; i++)
		run_job(seed + i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_is_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
