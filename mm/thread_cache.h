/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread_cache.h: threads and their caches of objects; see thread_cache.c.
 */
#ifndef MM_THREAD_CACHE_H
#define MM_THREAD_CACHE_H

#include "depot.h"
#include "extent_hooks.h"
#include "heap.h"
#include "page_group.h"
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
 * Free objects of one class that are handed out and taken without a call.  The
 * thread goes on between two of its slots, `empty` and `full`, which are the
 * ends of the magazine, or nearer: where it has to be told how many bytes are
 * live.  All-zero is one without slots.
 */
struct magazine {
	void **top;   /* (F) behind the last object */
	void **empty; /* (F) none is taken from here on down */
	void **full;  /* (F) none is put from here on up */
	u64 unit;     /* (F) of the class; 0 before the thread is bound */
};
_Static_assert(sizeof(struct magazine) == 32, "half a cache line");

/* What the way in and out need not know of it. */
struct magazine_rest {
	void **base; /* (C) its first slot; there are 2 * batch */
	void **told; /* (F) top, when live bytes were counted */
	u16 grant;   /* (C) how far it may go without counting */
	u16 batch;   /* (C) objects of a packet */
	u16 want;    /* (F) objects to ask jemalloc for */
};

/* Single pages; thread_pages.c. */
#define THREAD_PAGES_MAX 2048
struct page_cache {
	struct page_group group; /* (F) words: (A), read by anybody */
	u64 page;		 /* (F) descriptor of what it hands out */
	u64 cached;		 /* (F) of what it keeps */
	i64 untold;		 /* (F) pages live and not told to the heap */
	u32 nr, full;		 /* (F) pages in the buffer, (A); at most */
	u32 *buffer;		 /* (F) of the set */
	u32 next, nr_groups;	 /* (F) groups of the set that wait */
	u32 nr_waiting;		 /* (F) pages in these, (A) */
	u32 nr_doublings;	 /* (F) of the pages that it claims */
	bool many_nodes;	 /* (F) the heap has more than one */
};

/* Objects that are runs of pages, by their length; thread_runs.c. */
#define RUN_PAGES_MAX 64
#define RUN_ENTRIES 512
struct run_cache {
	u64 lengths;  /* (F) bits: there are some of so many pages - 1 */
	u64 gone;     /* (F) one was given back since such a one was wanted */
	u32 extra;    /* (F) pages that it may keep, beyond the least */
	u32 nr_pages; /* (F) written, (A) read: of all of them */
	u32 hand;     /* (F) length - 1 to be given back next */
	u16 head[RUN_PAGES_MAX + 1]; /* (F) entry + 1, by length */
	u16 spare, nr_used; /* (F) entries in no list, and ever in one */
	struct run_entry {
		u32 pfn;
		u16 next;     /* + 1 */
	} entry[RUN_ENTRIES]; /* (F) */
};

/* The slots of all classes, and what belongs to them. */
struct magazine_set {
	u32 pages[THREAD_PAGES_MAX];
	u32 spare[THREAD_PAGES_MAX];
	struct page_group group[PAGE_GROUPS];
	struct run_cache runs;
	struct magazine_rest rest[NR_SIZE_CLASSES + 1]; /* [0] is not used */
	struct magazine_set *next;			/* (L) of the idle */
	void *slot[];
};

/*
 * (T) only this thread; (F) this thread, or whoever has stopped it;
 * (A) atomic; (L) threads_lock.
 *
 * All is written by its thread but `open` and `stop`, by a flusher now and
 * then: no other thread's line is near.
 */
struct thread {
	struct fixheap *open; /* (A) home, while the magazines may be used */
	u64 key;	      /* (F) of home: marks free objects */
	u32 busy;	      /* (A) inside jemalloc, or in the magazines */
	u16 page;	      /* (F) what the magazines take: the low bits of
			       * descriptors of home_node, or PAGE_CLOSED */
	bool nested;	      /* (T) inside a function of thread_cache.c */
	struct magazine magazine[NR_SIZE_CLASSES + 1] /* (F) */
		__attribute__((aligned(32)));
	struct page_cache pages;  /* (F) */
	struct magazine_set *set; /* (F) */
	struct fixheap *home; /* (F) whose objects the cache holds; or NULL */
	u32 home_node;	      /* (F) which node's objects the cache holds */
	u32 nr_refills;	      /* (T) of the magazines, for thread_follow */
	u32 generation;	      /* (T) of the arena that it is bound to */
	u64 wish_key;	      /* (T) of the heap whose objects shall ... */
	u32 wish;	      /* (T) ... be from this node; key 0: none */
	u32 stop;	      /* (A) STOP_ flags */
	enum thread_state state; /* (T) */
	i64 untold;		 /* (F) live bytes, counted but not told */
	void *tsd;		 /* (C) jemalloc's state of the thread */
	struct thread *next;	 /* (L) */
	struct thread **link;	 /* (L) what points to this one */
};

/* No page has these bits: a region is being emptied, and what is freed goes
 * back to its slab at once. */
#define PAGE_CLOSED 0xffffu

/* The compiler shall work out the address once. */
static inline struct magazine *thread_magazine(struct thread *t, u32 class)
{
	struct magazine *magazine = &t->magazine[class];

	__asm__("" : "+r"(magazine));
	return magazine;
}

/* jemalloc's side of a heap. */
struct objects {
	u64 key;			  /* (C) */
	struct binding *node[PLACES_MAX]; /* (L, stopped) arena of each node */
	struct binding *old[PLACES_MAX];  /* (L) retired ones; retire.c */
	u32 generation;			  /* (A) of `node` */
	u32 nr_threads;			  /* (A) whose home it is */
	struct depot depot[];		  /* by node */
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

/* An object of the home heap, through the magazine.  NULL: no memory. */
void *thread_get(struct thread *t, u32 class);
/* Take this free object into the magazine. */
void thread_put(struct thread *t, void *object, u32 class);

/* The node that the thread's objects of this heap shall come from. */
u32 thread_node(const struct thread *t, const struct fixheap *heap);
/* At each refill, at home: see from time to time whether the thread has gone to
 * another node. */
void thread_follow(struct thread *t);
/* Between enter and leave: the node that its objects come from. */
void thread_set_node(struct thread *t, u32 node);
/* Empty the cache of this thread, which is stopped or the caller. */
void thread_flush_locked(struct thread *t);

void thread_enter_slow(struct thread *t);

/*
 * magazine.c: between enter and leave, or of a thread that is stopped.
 * _init: of a thread that has a set, which is empty.  _fill: the magazine,
 * which is empty.  _spill: make room in it.  _flush: all of them.
 */
struct magazine_set *magazine_set_create(void);
void magazine_init(struct thread *t);
void magazine_fill(struct thread *t, u32 class);
void magazine_spill(struct thread *t, u32 class);
void magazine_flush(struct thread *t);
#if THREAD_PAGES

/*
 * thread_pages.c, likewise.  _open: of the thread's home; _count: of any
 * thread.
 */
void thread_pages_open(struct thread *t, bool draining);
void thread_pages_flush(struct thread *t);
void thread_pages_tell(struct thread *t);
u64 thread_pages_count(const struct thread *t);
/* thread_runs.c, likewise. */
void thread_runs_flush(struct thread *t);
u64 thread_runs_count(const struct thread *t);

#else

static inline void thread_pages_open(struct thread *t, bool draining)
{
	(void)t;
	(void)draining;
}

static inline void thread_pages_flush(struct thread *t)
{
	(void)t;
}

static inline void thread_pages_tell(struct thread *t)
{
	(void)t;
}

static inline u64 thread_pages_count(const struct thread *t)
{
	(void)t;
	return 0;
}

static inline void thread_runs_flush(struct thread *t)
{
	(void)t;
}

static inline u64 thread_runs_count(const struct thread *t)
{
	(void)t;
	return 0;
}

#endif

/* All threads are stopped: nothing is left in the depots of the heap. */
void magazine_flush_depots(struct fixheap *heap);

#define LIVE_GRANT 4096u /* bytes */
/*
 * thread_live.c, likewise.  _count: what was done with the magazine since the
 * last time.  _grant: it was counted; how far it may go now.  _tell: count all
 * and tell the heap.
 */
void live_count(struct thread *t, u32 class);
void live_grant(struct thread *t, u32 class);
void live_tell(struct thread *t);

/*
 * Every call of jemalloc that touches the thread's own state, and every use of
 * its magazines and its cache of pages, is between these two, so that another
 * thread can empty its cache when it is not: a plain store and a load in, a
 * store out.  The flusher's host_membarrier pairs with the order of the store
 * and the load, which only the compiler is told to keep.
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

/*
 * The same for who uses the magazines of this heap and does nothing else: who
 * stops threads closes them, too, so that one look is enough.  False: it has
 * entered all the same, and leaves.
 */
static inline bool thread_enter_open(struct thread *t,
				     const struct fixheap *heap)
{
	__atomic_store_n(&t->busy, 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&t->open, __ATOMIC_ACQUIRE) == heap;
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

#endif
