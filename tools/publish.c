/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * publish.c: a process's figures, where `fixheap run --report` finds them
 *
 * The command leaves a descriptor of a shared file (slots.h) and names it in
 * the environment.  Each process maps the file when its heap is made and
 * writes its figures there from time to time, so that they can be read after
 * it has closed every descriptor, changed its user, or died by a signal.
 *
 * 1. The file is mapped once; nothing is opened or written later but memory.
 * 2. Only the process that claimed a slot writes to it.  A child of vfork
 *    shares this memory but not the process id: it publishes nothing.
 * 3. Figures are at most one step old, in bytes allocated by each thread: a
 *    step is 4 KiB at first, and doubles up to 1 MiB.
 * 4. Calls are counted in the thread; a thread that ends adds its counts to
 *    the process's, and one that goes on after that adds each by itself.
 *
 * Locking: list_lock holds the list of threads and the sums of those that are
 * gone; nothing is allocated under it.  Whoever finds a publication under way
 * leaves it to that thread.  Cost: without a report one branch a call; with
 * it one fixheap_stats() a step.  What it is not: a log; a slot holds the
 * newest figures only.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload.h"
#include "slots.h"

#define STEP_MIN (4L << 10)
#define STEP_MAX (1L << 20)

__thread struct thread self __attribute__((tls_model("initial-exec")));

struct counts {
	uint64_t nr_allocs;
	uint64_t nr_frees;
	uint64_t nr_fails;
};

static struct fixheap *source;
static struct slots *slots;
static struct slot *mine;
static pid_t owner;
static char publishing;

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct thread *threads;
static struct counts gone;

static uint64_t get(const uint64_t *from)
{
	return __atomic_load_n(from, __ATOMIC_RELAXED);
}

static void put(uint64_t *to, uint64_t value)
{
	__atomic_store_n(to, value, __ATOMIC_RELAXED);
}

/* --- the slot ------------------------------------------------------- */

/*
 * A slot for this process.  The image before exec leaves its slot behind:
 * one that came by exec keeps it, as a program of its own; one that came by
 * fork was its parent's copy and is written over.
 */
static struct slot *slot_claim(uint32_t pid, uint32_t state)
{
	struct slot *slot;
	uint32_t seen;
	size_t i;

	for (i = 0; i < SLOTS_MAX; i++) {
		slot = &slots->slot[(pid + i) % SLOTS_MAX];
		seen = 0;
		if (__atomic_compare_exchange_n(&slot->pid, &seen, pid, 0,
						__ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			goto found;
		if (seen != pid)
			continue;
		seen = __atomic_load_n(&slot->state, __ATOMIC_RELAXED);
		if (seen == SLOT_FORKED && state == SLOT_RUNNING)
			goto found;
		if (seen == SLOT_RUNNING)
			__atomic_store_n(&slot->state, SLOT_REPLACED,
					 __ATOMIC_RELAXED);
	}
	__atomic_add_fetch(&slots->nr_lost, 1, __ATOMIC_RELAXED);
	return NULL;
found:
	__atomic_store_n(&slot->state, state, __ATOMIC_RELAXED);
	prctl(PR_GET_NAME, slot->name);
	return slot;
}

/* Whether fd is the file that the command meant. */
static bool is_ours(int fd, const unsigned long long *device_inode)
{
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) &&
	       st.st_dev == (dev_t)device_inode[0] &&
	       st.st_ino == (ino_t)device_inode[1] &&
	       st.st_size >= (off_t)sizeof(struct slots);
}

static struct slots *slots_map(int fd)
{
	struct slots *map;

	map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	if (map == MAP_FAILED)
		return NULL;
	if (map->magic == SLOTS_MAGIC)
		return map;
	munmap(map, sizeof(*map));
	return NULL;
}

/*
 * The descriptor may be gone, when the program before us closed everything it
 * knew nothing of; then the command's own one is asked for.
 */
static struct slots *slots_find(const char *text)
{
	unsigned long long number[4];
	struct slots *map = NULL;
	char path[64], *end;
	int i, fd;

	for (i = 0; i < 4; i++) {
		number[i] = strtoull(text, &end, 10);
		if (end == text || *end != (i < 3 ? ':' : '\0'))
			return NULL;
		text = end + 1;
	}
	if (number[0] <= INT_MAX && is_ours((int)number[0], number + 2))
		return slots_map((int)number[0]);
	snprintf(path, sizeof(path), "/proc/%llu/fd/%llu", number[1],
		 number[0]);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (is_ours(fd, number + 2))
		map = slots_map(fd);
	if (fd >= 0)
		close(fd);
	return map;
}

/* --- threads -------------------------------------------------------- */

static void counts_add(struct counts *sum, const struct thread *thread)
{
	sum->nr_allocs += get(&thread->nr_allocs);
	sum->nr_frees += get(&thread->nr_frees);
	sum->nr_fails += get(&thread->nr_fails);
}

static void counts_clear(struct thread *thread)
{
	put(&thread->nr_allocs, 0);
	put(&thread->nr_frees, 0);
	put(&thread->nr_fails, 0);
}

static void list_add(struct thread *thread)
{
	thread->next = threads;
	thread->link = &threads;
	if (threads)
		threads->link = &thread->next;
	threads = thread;
}

static void list_del(struct thread *thread)
{
	*thread->link = thread->next;
	if (thread->next)
		thread->next->link = thread->link;
	thread->link = NULL;
}

void publish_thread_enter(void)
{
	if (!mine) {
		self.budget = LONG_MAX;
		return;
	}
	pthread_mutex_lock(&list_lock);
	list_add(&self);
	pthread_mutex_unlock(&list_lock);
	self.step = STEP_MIN;
	self.budget = STEP_MIN;
}

/* The thread ends, or has ended and freed or allocated once more. */
void publish_thread_leave(void)
{
	if (!mine)
		return;
	pthread_mutex_lock(&list_lock);
	if (self.link)
		list_del(&self);
	counts_add(&gone, &self);
	counts_clear(&self);
	pthread_mutex_unlock(&list_lock);
}

/* --- figures -------------------------------------------------------- */

static void figures_write(void)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };
	struct counts sum;
	struct thread *thread;

	pthread_mutex_lock(&list_lock);
	sum = gone;
	for (thread = threads; thread; thread = thread->next)
		counts_add(&sum, thread);
	pthread_mutex_unlock(&list_lock);
	put(&mine->nr_allocs, sum.nr_allocs);
	put(&mine->nr_frees, sum.nr_frees);
	put(&mine->nr_fails, sum.nr_fails);
	if (fixheap_stats(source, &stats))
		return;
	put(&mine->heap_bytes, stats.heap_bytes);
	put(&mine->peak_live_bytes, stats.peak_live_bytes);
	put(&mine->peak_used_bytes, stats.peak_used_bytes);
	put(&mine->largest_run_bytes, stats.largest_run_bytes);
}

void publish_now(void)
{
	if (!mine) {
		self.budget = LONG_MAX;
		return;
	}
	if (getpid() == owner &&
	    !__atomic_test_and_set(&publishing, __ATOMIC_ACQUIRE)) {
		figures_write();
		__atomic_clear(&publishing, __ATOMIC_RELEASE);
	}
	self.step = self.step < STEP_MAX ? 2 * self.step : STEP_MAX;
	self.budget = self.step;
}

void publish_failure(size_t bytes)
{
	struct fixheap_explanation answer = FIXHEAP_EXPLANATION_INIT;
	uint64_t none = 0;
	int saved = errno;

	if (!mine || getpid() != owner ||
	    !__atomic_compare_exchange_n(&mine->refused_bytes, &none,
					 bytes ? bytes : 1, false,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	if (!fixheap_explain(source, NULL, bytes, &answer)) {
		put(&mine->refused_free, answer.free_bytes);
		put(&mine->refused_largest, answer.largest_bytes);
		put(&mine->blocking_live, answer.nr_live);
		put(&mine->blocking_bytes, answer.blocker_bytes);
		put(&mine->refused_reason, answer.reason);
	}
	errno = saved;
}

/*
 * The last word.  It may come from a signal handler (_exit is allowed there),
 * in the midst of a call that holds locks; then the figures stay as they are.
 */
void publish_end(void)
{
	if (!mine || getpid() != owner)
		return;
	if (!self.inside)
		publish_now();
	__atomic_store_n(&mine->state, SLOT_ENDED, __ATOMIC_RELAXED);
}

/*
 * A child of fork has one thread, and its calls are counted from here; its
 * peaks start from its parent's.
 */
void publish_fork_child(void)
{
	if (!mine)
		return;
	list_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	publishing = 0;
	threads = NULL;
	memset(&gone, 0, sizeof(gone));
	counts_clear(&self);
	owner = getpid();
	mine = slot_claim((uint32_t)owner, SLOT_FORKED);
	if (!mine)
		return;
	self.link = NULL;
	if (self.state == THREAD_READY)
		list_add(&self);
	figures_write();
}

void publish_open(struct fixheap *heap)
{
	const char *text = getenv(REPORT_VARIABLE);

	if (!text || !*text)
		return;
	slots = slots_find(text);
	if (!slots)
		return;
	source = heap;
	owner = getpid();
	mine = slot_claim((uint32_t)owner, SLOT_RUNNING);
	if (mine && pthread_atfork(NULL, NULL, publish_fork_child))
		mine = NULL;
}
