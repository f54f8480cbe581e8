/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread_cache.c: which thread caches whose objects, and how to empty caches.
 *
 * jemalloc keeps a cache of free objects for each thread, and does not know
 * whose objects are in it.  Here a thread gets a *home*: the heap that it used
 * first, and in it the node of the CPU that it ran on.  Its jemalloc state is
 * bound to that node's arena, and only objects of that node go through its
 * cache; all others pass the cache by.  On top of jemalloc's cache there is
 * one of our own, the magazines (magazine.c), because a call of jemalloc and
 * the checks in front of it take longer than the C library's malloc together.
 *
 * A cache belongs to its thread, which may sleep for hours, while its objects
 * keep slabs from being free.  When memory runs out, and when a heap ends,
 * somebody else has to empty it.  So threads say when they are inside
 * jemalloc (busy), and can be kept out (stop):
 *
 *	thread				flusher, with the list's lock
 *	busy = 1			stop = 1, for all threads
 *	if (stop) step back, wait	host_membarrier()
 *	...				wait until busy == 0, for all threads
 *	busy = 0			flush; stop = 0
 *
 * Who only uses the magazines looks at `open` instead, which says whose they
 * are and is NULL while the thread is stopped: one look for both.
 *
 * Either the thread sees stop, or the flusher sees busy: on the thread's side
 * that needs a barrier between store and load, which the flusher's membarrier
 * makes for it.  Where the system has none (STOP_FENCE), the thread makes it.
 *
 * Invariants
 *  1. A thread's cache holds objects of (home, home_node) and of nothing else.
 *  2. A thread that is bound in jemalloc is in the list until its destructor
 *     ran, which is before jemalloc's own (je_glue.c).  From then on it gets
 *     no small objects from jemalloc: late in a thread's end, jemalloc would
 *     quietly serve it from its own memory.
 *  3. `home` is set by its thread, and taken away by objects_destroy, at a
 *     time when no thread may use that heap.
 *
 * Locking: threads_lock is held while jemalloc is called, so it comes before
 * jemalloc's locks and before all others; no thread holds any when it takes
 * it.  A flusher that waits for a busy thread holds nothing that this thread
 * can need.
 *
 * A call of ours can be entered again from within (nested): jemalloc or the C
 * library allocate when a thread's keys are set up, and under the preload
 * library that comes back here.  Such a call passes the caches by.
 *
 * Cost: enter and leave, two stores and a load; emptying caches: a membarrier
 * and some microseconds for each thread.
 *
 * What it is not: threads that end without running their destructors (a raw
 * exit system call) must not have used a heap, and the last of the rounds in
 * which a thread's destructors are called is too late to use one for the first
 * time.  A thread has one home; what it does with other heaps is correct and
 * slower.
 */
#include "thread_cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "bug.h"
#include "objects.h"
#include "slab.h"

__thread struct thread thread_self
	__attribute__((tls_model("initial-exec"), aligned(64)));

static struct {
	spinlock_t lock;
	struct thread *first;	   /* (L) */
	struct magazine_set *idle; /* (L) empty ones */
	pthread_key_t key;	   /* (C) after threads_boot */
	bool fence;		   /* (L) host_membarrier does not work */
	bool in_child;		   /* (L) */
} threads = { .lock = PTHREAD_MUTEX_INITIALIZER };

void threads_lock(struct thread *self)
{
	spin_lock(&threads.lock);
	self->nested = true;
}

void threads_unlock(struct thread *self)
{
	self->nested = false;
	spin_unlock(&threads.lock);
}

static void list_add(struct thread *t)
{
	t->next = threads.first;
	t->link = &threads.first;
	if (t->next)
		t->next->link = &t->next;
	threads.first = t;
	t->state = THREAD_LISTED;
}

static void list_del(struct thread *t)
{
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
}

/* ---- the thread's own side ---------------------------------------------- */

/* Kept out by a flusher, or in need of a fence of its own. */
void thread_enter_slow(struct thread *t)
{
	for (;;) {
		__atomic_store_n(&t->busy, 1, __ATOMIC_SEQ_CST);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (!(__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE) & STOP_NOW))
			return;
		__atomic_store_n(&t->busy, 0, __ATOMIC_RELEASE);
		/* The flusher holds this until it is done. */
		spin_lock(&threads.lock);
		spin_unlock(&threads.lock);
	}
}

static u32 node_of_object(const struct fixheap *heap, const void *object)
{
	return page_node(page_read(&heap->page[addr_to_pfn(heap, object)]));
}

/*
 * The magazine is counted before and after it is filled or emptied; what is
 * taken or put here counts from then on.
 */
void *thread_get(struct thread *t, u32 class)
{
	struct magazine *magazine = &t->magazine[class];
	void *object = NULL;

	thread_enter(t);
	live_count(t, class);
	if (magazine->top == t->set->rest[class].base)
		magazine_fill(t, class);
	live_grant(t, class);
	if (likely(magazine->top > magazine->empty))
		object = *--magazine->top;
	thread_leave(t);
	MM_DEBUG_ON(object && node_of_object(t->home, object) != t->home_node);
	return object;
}

void thread_put(struct thread *t, void *object, u32 class)
{
	struct magazine_rest *rest = &t->set->rest[class];
	struct magazine *magazine = &t->magazine[class];

	thread_enter(t);
	live_count(t, class);
	if (magazine->top == rest->base + 2 * rest->batch)
		magazine_spill(t, class);
	live_grant(t, class);
	*magazine->top++ = object;
	thread_leave(t);
}

/* A set of empty magazines, one for each class; NULL: no memory. */
static struct magazine_set *magazines_get(void)
{
	struct magazine_set *set = threads.idle;

	if (!set)
		return magazine_set_create();
	threads.idle = set->next;
	return set;
}

static void magazines_put(struct thread *t)
{
	t->set->next = threads.idle;
	threads.idle = t->set;
	t->set = NULL;
}

void thread_flush_locked(struct thread *t)
{
	if (t->home)
		live_tell(t);
	magazine_flush(t);
	thread_runs_flush(t);
	thread_pages_flush(t);
	fhje_je_tcache_flush(t->tsd);
}

/* What it takes, while it is out of its caches. */
static void set_page(struct thread *t)
{
	const struct fixheap *heap = t->home;
	bool draining = heap &&
			__atomic_load_n(&heap->nr_isolated, __ATOMIC_RELAXED);

	t->page = draining ? PAGE_CLOSED
			   : (u16)page_make(PAGE_EXTENT, PLACE_SMALL,
					    t->home_node);
	thread_pages_open(t, draining);
}

void thread_set_node(struct thread *t, u32 node)
{
	t->home_node = node;
	set_page(t);
}

/* With the lock, as who stops threads closes them: the magazines are of t's
 * home, or of no heap.  Of a thread that is stopped, or the caller. */
static void open_locked(struct thread *t)
{
	bool may = !(t->stop & STOP_FENCE) && t->state == THREAD_LISTED;

	set_page(t);
	__atomic_store_n(&t->open, may ? t->home : NULL, __ATOMIC_RELEASE);
}

static void thread_exit(void *arg)
{
	struct thread *t = arg;

	threads_lock(t);
	if (t->state == THREAD_LISTED) {
		list_del(t);
		thread_flush_locked(t);
		magazines_put(t);
	}
	if (t->home)
		__atomic_sub_fetch(&t->home->objects->nr_threads, 1,
				   __ATOMIC_RELAXED);
	__atomic_store_n(&t->home, NULL, __ATOMIC_RELAXED);
	t->state = THREAD_EXITED;
	open_locked(t);
	threads_unlock(t);
}

/* First use of any heap by this thread; jemalloc sets its state up here. */
static bool thread_list(struct thread *t, u32 arena)
{
	bool bound = false;

	t->nested = true;
	t->tsd = fhje_je_tsd_tls;
	if (!pthread_setspecific(threads.key, t)) {
		/* A setting of the thread's own state, not yet in the list. */
		bound = !je_thread_arena(arena);
		threads_lock(t);
		if (threads.fence)
			t->stop = STOP_FENCE;
		t->set = bound ? magazines_get() : NULL;
		if (t->set) {
			magazine_init(t);
			t->pages.group.base = NO_GROUP;
			list_add(t);
		}
		threads_unlock(t);
	}
	t->nested = false;
	return t->state == THREAD_LISTED;
}

static void make_home(struct thread *t, struct fixheap *heap, u32 node)
{
	threads_lock(t);
	t->key = heap->objects->key;
	t->home_node = node;
	t->untold = 0;
	__atomic_add_fetch(&heap->objects->nr_threads, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&t->home, heap, __ATOMIC_RELAXED);
	open_locked(t);
	threads_unlock(t);
}

bool thread_bind(struct thread *t, struct fixheap *heap)
{
	struct binding *binding;
	u32 node;

	if (thread_at_home(t, heap))
		return true;
	if (t->home || !heap->objects || !thread_usable(t))
		return false;
	node = thread_node(t, heap);
	t->generation =
		__atomic_load_n(&heap->objects->generation, __ATOMIC_ACQUIRE);
	binding = objects_binding(heap, node);
	if (t->state == THREAD_NEW) {
		if (!thread_list(t, binding->arena))
			return false;
	} else {
		/* The former home is gone, and the cache empty since. */
		thread_enter(t);
		if (je_thread_arena(binding->arena)) {
			thread_leave(t);
			return false;
		}
		thread_leave(t);
	}
	make_home(t, heap, node);
	return true;
}

/* ---- the flusher's side ------------------------------------------------- */

/*
 * The membarrier worked before, and now it does not.  What has to be waited
 * for is that stores which were made before leave the processors' buffers,
 * which they do within a microsecond; each turn here takes about as long.
 */
static void wait_for_stores(void)
{
	for (u32 i = 0; i < 1000; i++)
		host_yield();
}

/* Keep all threads out of jemalloc, the caller left aside. */
static void threads_stop(struct thread *self)
{
	struct thread *t;

	for (t = threads.first; t; t = t->next) {
		if (t == self)
			continue;
		__atomic_or_fetch(&t->stop, STOP_NOW, __ATOMIC_SEQ_CST);
		__atomic_store_n(&t->open, NULL, __ATOMIC_SEQ_CST);
	}
	if (!threads.fence && host_membarrier())
		wait_for_stores();
	for (t = threads.first; t; t = t->next) {
		while (t != self && __atomic_load_n(&t->busy, __ATOMIC_ACQUIRE))
			host_yield();
	}
}

static void threads_start(struct thread *self)
{
	struct thread *t;

	for (t = threads.first; t; t = t->next) {
		open_locked(t);
		if (t != self)
			__atomic_and_fetch(&t->stop, ~STOP_NOW,
					   __ATOMIC_RELEASE);
	}
}

/* Context: locked, all threads stopped. */
static void flush_heap(struct fixheap *heap)
{
	struct thread *t;

	for (t = threads.first; t; t = t->next) {
		if (thread_at_home(t, heap))
			thread_flush_locked(t);
	}
	magazine_flush_depots(heap);
}

void threads_forget(struct fixheap *heap)
{
	struct thread *t;

	for (t = threads.first; t; t = t->next) {
		if (thread_at_home(t, heap))
			__atomic_store_n(&t->home, NULL, __ATOMIC_RELAXED);
	}
}

void threads_call_stopped(struct fixheap *heap,
			  void (*fn)(struct fixheap *heap))
{
	struct thread *self = &thread_self;

	/* Nested: whoever called us holds the lock. */
	if (!heap->objects || self->nested)
		return;
	threads_lock(self);
	threads_stop(self);
	flush_heap(heap);
	fn(heap);
	threads_start(self);
	threads_unlock(self);
}

/* flush: and with their caches empty. */
static void call_stopped(struct fixheap *heap, bool flush,
			 void (*fn)(struct fixheap *heap, void *data),
			 void *data)
{
	struct thread *self = &thread_self;

	if (!heap->objects || self->nested) {
		fn(heap, data);
		return;
	}
	threads_lock(self);
	threads_stop(self);
	if (flush)
		flush_heap(heap);
	fn(heap, data);
	threads_start(self);
	threads_unlock(self);
}

void objects_call_stopped(struct fixheap *heap,
			  void (*fn)(struct fixheap *heap, void *data),
			  void *data)
{
	call_stopped(heap, 0, fn, data);
}

void objects_call_flushed(struct fixheap *heap,
			  void (*fn)(struct fixheap *heap, void *data),
			  void *data)
{
	call_stopped(heap, 1, fn, data);
}

static u64 count_pages(const struct fixheap *heap)
{
	u64 nr = 0;

	for (struct thread *t = threads.first; t; t = t->next) {
		if (thread_at_home(t, heap))
			nr += thread_pages_count(t) + thread_runs_count(t);
	}
	return nr;
}

u64 objects_cached_pages(const struct fixheap *heap)
{
	struct thread *self = &thread_self;
	u64 nr;

	if (!heap->objects || self->nested)
		return heap->objects ? count_pages(heap) : 0;
	threads_lock(self);
	nr = count_pages(heap);
	threads_unlock(self);
	return nr;
}

/* ---- start and fork ----------------------------------------------------- */

/* With all caches at rest, so that the child can empty them. */
static void fork_prepare(void)
{
	threads_lock(&thread_self);
	threads_stop(&thread_self);
}

static void fork_parent(void)
{
	threads_start(&thread_self);
	threads_unlock(&thread_self);
}

/* Of all threads only this one goes on; see fork.c for what is lost. */
static void fork_child(void)
{
	struct thread *self = &thread_self, *t;

	for (t = threads.first; t; t = t->next) {
		if (t == self)
			continue;
		thread_runs_flush(t);
		thread_pages_flush(t);
	}
	threads.in_child = true;
	threads.first = NULL;
	if (self->state == THREAD_LISTED)
		list_add(self);
	threads_unlock(self);
}

int threads_boot(void)
{
	threads.fence = host_membarrier() != 0;
	return -pthread_key_create(&threads.key, thread_exit);
}

bool threads_in_child(void)
{
	return threads.in_child;
}

pthread_key_t threads_key(void)
{
	return threads.key;
}

int threads_guard_fork(void)
{
	return -pthread_atfork(fork_prepare, fork_parent, fork_child);
}
