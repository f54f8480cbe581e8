/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread_cache.h: threads and their caches of objects; see thread_cache.c.
 */
#ifndef MM_THREAD_CACHE_H
#define MM_THREAD_CACHE_H

#include "extent_hooks.h"
#include "heap.h"
#include "size_class.h"

enum thread_state {
	THREAD_NEW,    /* never needed a cache */
	THREAD_LISTED, /* in the list of threads, may have a home */
	THREAD_EXITED, /* its destructor ran: no cache any more */
};

/* thread.stop */
#define STOP_NOW 1u   /* stay out of jemalloc */
#define STOP_FENCE 2u /* host_membarrier does not work: fence yourself */

/*
 * Free objects of one class, on top of jemalloc's own cache: the last few that
 * were freed are handed out again without a call.  Two cache lines.
 */
#define MAGAZINE_SLOTS 15
#define MAGAZINE_BYTES SMALL_MAX /* at most so many in one */
struct magazine {
	u32 nr;
	u16 limit; /* (C) */
	u16 bytes; /* (C) of an object */
	void *slot[MAGAZINE_SLOTS];
};
_Static_assert(sizeof(struct magazine) == 128, "two cache lines");

/*
 * (T) only this thread; (F) this thread, or whoever has stopped it;
 * (A) atomic; (L) threads_lock.
 */
struct thread {
	struct fixheap *home; /* (F) whose objects the cache holds; or NULL */
	u64 key;	      /* (F) of home: marks free objects */
	struct magazine *magazine; /* (F) by class; of home and home_node */
	u32 home_node;		 /* (F) which node's objects the cache holds */
	u32 nr_refills;		 /* (T) of the magazines, for thread_follow */
	u32 generation;		 /* (T) of the arena that it is bound to */
	u64 wish_key;		 /* (T) of the heap whose objects shall ... */
	u32 wish;		 /* (T) ... be from this node; key 0: none */
	u32 busy;		 /* (A) inside jemalloc */
	u32 stop;		 /* (A) STOP_ flags */
	enum thread_state state; /* (T) */
	u64 live;		 /* (F) bytes not yet told to heap_account, */
	u64 live_span;		 /*     + live_told; are told once above */
	u64 live_told;		 /*     live_span or below 0; thread_live.c */
	bool nested;		 /* (T) inside a function of thread_cache.c */
	void *tsd;		 /* (C) jemalloc's state of the thread */
	struct thread *next;	 /* (L) */
	struct thread **link;	 /* (L) what points to this one */
};

/* jemalloc's side of a heap. */
struct objects {
	u64 key;			  /* (C) */
	struct binding *node[PLACES_MAX]; /* (L, stopped) arena of each node */
	struct binding *old[PLACES_MAX];  /* (L) retired ones; retire.c */
	u32 generation;			  /* (A) of `node` */
	u32 nr_threads;			  /* (A) whose home it is */
};

/* The arena of the heap's node n.  To allocate, between enter and leave. */
static inline struct binding *objects_binding(const struct fixheap *heap, u32 n)
{
	return __atomic_load_n(&heap->objects->node[n], __ATOMIC_ACQUIRE);
}

extern __thread struct thread thread_self
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The lock of the list of threads. */
void threads_lock(struct thread *self);
void threads_unlock(struct thread *self);
/* All threads are stopped: the heap is nobody's home any more. */
void threads_forget(struct fixheap *heap);
/* With the lock of the list of threads held, all threads out of jemalloc and
 * their caches of this heap's objects empty: fn(heap).  Not if nested. */
void threads_call_stopped(struct fixheap *heap,
			  void (*fn)(struct fixheap *heap));

/* In je_boot, before jemalloc starts and after.  0 or -errno. */
int threads_boot(void);
int threads_guard_fork(void);
/* Whether this process is a child whose other threads did not come along. */
bool threads_in_child(void);
/* The thread-specific key whose destructor takes a thread off the list. */
pthread_key_t threads_key(void);

/*
 * Give the thread a cache for this heap's objects, from the node of the CPU
 * that it runs on.  True if it has one now.
 */
bool thread_bind(struct thread *t, struct fixheap *heap);

/*
 * An object from jemalloc's cache, and some more for the magazine if that is
 * empty.  NULL: no memory.
 */
void *thread_refill(struct thread *t, u32 class);
/* For the magazine that is full: take this free object. */
void thread_spill(struct thread *t, void *object, u32 class);

/* The node that the thread's objects of this heap shall come from. */
u32 thread_node(const struct thread *t, const struct fixheap *heap);
/* At each refill, at home: see from time to time whether the thread has gone to
 * another node. */
void thread_follow(struct thread *t);
/* Empty the cache of this thread, which is stopped or the caller. */
void thread_flush_locked(struct thread *t);

void thread_enter_slow(struct thread *t);
/* thread_live.c: tell the heap how many live bytes there are more, or less;
 * _stopped: of a thread that is stopped, or is the caller and has entered. */
void thread_report_live(struct thread *t);
void thread_report_stopped(struct thread *t);

/*
 * Every call of jemalloc that touches the thread's own state is between these
 * two, so that another thread can empty its cache when it is not: a plain
 * store and a load in, a store out.  The flusher's host_membarrier pairs with
 * the order of the store and the load, which only the compiler is told to keep.
 */
static inline bool thread_try_enter(struct thread *t)
{
	__atomic_store_n(&t->busy, 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (likely(!__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE)))
		return true;
	__atomic_store_n(&t->busy, 0, __ATOMIC_RELEASE);
	return false;
}

static inline void thread_enter(struct thread *t)
{
	if (unlikely(!thread_try_enter(t)))
		thread_enter_slow(t);
}

static inline void thread_leave(struct thread *t)
{
	__atomic_store_n(&t->busy, 0, __ATOMIC_RELEASE);
}

static inline bool thread_at_home(const struct thread *t,
				  const struct fixheap *heap)
{
	return __atomic_load_n(&t->home, __ATOMIC_RELAXED) == heap;
}

/* Whether the thread may allocate small objects from jemalloc at all. */
static inline bool thread_usable(const struct thread *t)
{
	return t->state != THREAD_EXITED && !t->nested;
}

/*
 * Between enter and leave: live bytes of the home heap.  True when there are
 * enough to be told to it, by thread_report_live after leave.
 */
static inline bool thread_account(struct thread *t, long bytes)
{
	if (!IS_ENABLED(CONFIG_VMSTAT))
		return false;
	t->live += (u64)bytes;
	return unlikely(t->live > t->live_span);
}

#endif
