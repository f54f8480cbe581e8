/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload.c: malloc and its family on a heap of fixed size
 *
 * Loaded in front of a program (LD_PRELOAD), this library takes the place of
 * the C library's allocator: everything that the program and its libraries
 * allocate lives in one fixheap heap, made when the first of them asks.
 *
 * 1. The heap is made once and never ends: what runs after main, exit
 *    handlers and threads included, finds it as it was.
 * 2. A request that comes before the heap can be made, or from within its
 *    making, or from within a thread's first call, is served by early.c.
 * 3. A pointer is given back to who made it: early.c's are told apart by
 *    address, the loader's are left alone, all others are the heap's, which
 *    reports those that are not.
 * 4. No descriptor is kept open and no file is read after the heap is made,
 *    but by the first malloc_trim.
 *
 * Locking: init_lock while the heap is made; the heap has its own locks.
 * Cost: two branches on the thread's own data above fixheap_malloc().
 * What it is not: a place for policy.  One zone: any free run may be used by
 * any thread, and the kernel places pages where they are touched first.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload.h"
#include <fixheap/fixheap.h>
#include <fixheap/segment.h>

#include "record.h"
#include "size.h"
#include "slots.h"
#include "space.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define MIN_ALIGN ((size_t)16)
#define CPUS_MOST 4096

struct fixheap *the_heap;
static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t leave_key;
static bool have_environment;

/* --- making the heap ------------------------------------------------ */

/* One node with all CPUs; of a number that no node has, so that threads which
 * touch its pages are not put on one. */
static void one_node(struct fixheap_topology *topology)
{
	static unsigned cpu_node[CPUS_MOST];
	static unsigned char distance[1] = { 10 };
	static unsigned number[1] = { FIXHEAP_NODES_MAX - 1 };
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	*topology = (struct fixheap_topology){ .size = sizeof(*topology),
					       .nr_nodes = 1,
					       .nr_cpus = 1,
					       .cpu_node = cpu_node,
					       .distance = distance,
					       .node_number = number };
	if (cpus > 1)
		topology->nr_cpus = cpus < CPUS_MOST ? (unsigned)cpus
						     : CPUS_MOST;
}

static void thread_leave(void *unused)
{
	(void)unused;
	self.state = THREAD_LEAVING;
	publish_thread_leave();
}

static struct fixheap *heap_make(void)
{
	const char *text = getenv(HEAP_VARIABLE);
	const char *decay = getenv(DECAY_VARIABLE);
	const char *pages = getenv(HUGEPAGES_VARIABLE);
	struct space_request request = { .pages = 0 };
	struct fixheap_topology topology;
	struct fixheap_hugetlb pool;
	struct fixheap *heap;
	int error;

	if (!text || !*text)
		text = "50%";
	error = fixheap_parse_size(text, &request.bytes);
	if (error)
		no_heap("bad heap size in " HEAP_VARIABLE, text,
			strerrordesc_np(-error));
	if (pages && !space_pages(pages, &request.pages))
		no_heap("bad pages in " HUGEPAGES_VARIABLE, pages,
			"not thp, 2M or 1G");
	loader_find();
	one_node(&topology);
	request.topology = &topology;
	request.fault = on_fault;
	request.share = getenv(SHARE_VARIABLE);
	request.decay_ms = 0;
	if (decay && decay_parse(decay, &request.decay_ms))
		no_heap("bad time in " DECAY_VARIABLE, decay,
			strerrordesc_np(EINVAL));
	error = space_create(&request, &heap);
	if (error)
		no_heap("cannot make a heap of", text,
			space_lacks_pages(&request, &pool)
				? pool.advice
				: strerrordesc_np(-error));
	error = pthread_key_create(&leave_key, thread_leave);
	if (error)
		no_heap("no thread key for a heap of", text,
			strerrordesc_np(error));
	publish_open(heap);
	record_open(heap, request.bytes);
	return heap;
}

/*
 * The heap, made now if need be; NULL while the C library has not been told
 * its environment.  errno is kept.
 */
static struct fixheap *heap_get(void)
{
	struct fixheap *heap;
	int error = errno;

	heap = __atomic_load_n(&the_heap, __ATOMIC_ACQUIRE);
	if (heap || (!have_environment && !environ))
		return heap;
	pthread_mutex_lock(&init_lock);
	heap = the_heap;
	if (!heap) {
		heap = heap_make();
		__atomic_store_n(&the_heap, heap, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&init_lock);
	errno = error;
	return heap;
}

/*
 * A thread's first call, any call of one that is about to end, and calls from
 * within the first.  NULL: the request is an early one.
 */
static struct fixheap *thread_slow(void)
{
	struct fixheap *heap;
	int error = errno;

	if (self.state == THREAD_ENTERING)
		return NULL;
	if (self.state == THREAD_LEAVING) {
		publish_thread_leave();
		return the_heap;
	}
	self.state = THREAD_ENTERING;
	heap = heap_get();
	if (!heap) {
		self.state = THREAD_NEW;
		return NULL;
	}
	publish_thread_enter();
	pthread_setspecific(leave_key, &self);
	/* The library binds the thread here, with room for what that needs. */
	fixheap_free(heap, fixheap_malloc(heap, 1));
	self.state = THREAD_READY;
	errno = error;
	return heap;
}

/*
 * The heap for this call; NULL: an early one.  What is entered is left: a
 * signal handler must know that we are inside.
 */
static inline struct fixheap *enter(void)
{
	self.inside++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (likely(self.state == THREAD_READY))
		return the_heap;
	return thread_slow();
}

static inline void leave(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	self.inside--;
}

/* Leave with what the heap gave; alignment 0: that of malloc. */
static inline void *leave_with(void *ptr, size_t alignment, size_t bytes)
{
	if (unlikely(record_on))
		record_alloc(ptr, alignment, bytes);
	if (likely(ptr)) {
		self.nr_allocs++;
		self.budget -= (long)bytes;
		if (unlikely(self.budget < 0))
			publish_now();
	} else {
		self.nr_fails++;
		publish_failure(bytes);
	}
	leave();
	return ptr;
}

/* Leave with memory for an early request. */
static void *leave_early(size_t alignment, size_t bytes)
{
	leave();
	return early_alloc(alignment, bytes);
}

/* --- the family ----------------------------------------------------- */

void *malloc(size_t bytes)
{
	struct fixheap *heap = enter();

	if (unlikely(!heap))
		return leave_early(MIN_ALIGN, bytes);
	return leave_with(fixheap_malloc(heap, bytes), 0, bytes);
}

void *calloc(size_t count, size_t bytes)
{
	struct fixheap *heap = enter();
	size_t all;

	if (unlikely(__builtin_mul_overflow(count, bytes, &all)))
		all = SIZE_MAX;
	if (unlikely(!heap))
		return leave_early(MIN_ALIGN, all);
	return leave_with(fixheap_calloc(heap, count, bytes), 0, all);
}

static void *aligned(size_t alignment, size_t bytes)
{
	struct fixheap *heap = enter();

	if (alignment < MIN_ALIGN)
		alignment = MIN_ALIGN;
	if (unlikely(!heap))
		return leave_early(alignment, bytes);
	return leave_with(fixheap_aligned_alloc(heap, alignment, bytes),
			  alignment, bytes);
}

void free(void *ptr)
{
	struct fixheap *heap;

	if (!ptr || unlikely(early_owns(ptr) || loader_owns(ptr)))
		return;
	heap = enter();
	/* Early, but the heap's if there is one; else older than we are. */
	if (unlikely(!heap))
		heap = the_heap;
	if (likely(heap)) {
		self.nr_frees++;
		if (unlikely(record_on))
			record_free(ptr);
		fixheap_free(heap, ptr);
	}
	leave();
}

/* realloc where either side is not the heap's. */
static void *realloc_early(void *ptr, size_t bytes)
{
	size_t old;
	void *moved;

	if (early_owns(ptr))
		old = early_size(ptr);
	else if (loader_owns(ptr))
		old = loader_start + loader_bytes - (size_t)ptr;
	else
		old = fixheap_usable_size(the_heap, ptr);
	moved = malloc(bytes);
	if (!moved)
		return NULL;
	memcpy(moved, ptr, old < bytes ? old : bytes);
	free(ptr);
	return moved;
}

void *realloc(void *ptr, size_t bytes)
{
	struct fixheap *heap;

	if (!ptr)
		return malloc(bytes);
	if (!bytes) {
		free(ptr);
		return NULL;
	}
	if (unlikely(early_owns(ptr) || loader_owns(ptr)))
		return realloc_early(ptr, bytes);
	heap = enter();
	if (unlikely(!heap)) {
		leave();
		return realloc_early(ptr, bytes);
	}
	if (unlikely(record_on))
		record_move(ptr);
	ptr = fixheap_realloc(heap, ptr, bytes);
	self.nr_frees += !!ptr;
	return leave_with(ptr, 0, bytes);
}

void *reallocarray(void *ptr, size_t count, size_t bytes)
{
	size_t all;

	if (__builtin_mul_overflow(count, bytes, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(ptr, all);
}

static bool is_power(size_t n)
{
	return n && !(n & (n - 1));
}

int posix_memalign(void **result, size_t alignment, size_t bytes)
{
	int error = errno;
	void *ptr;

	if (!is_power(alignment) || alignment % sizeof(void *))
		return EINVAL;
	ptr = aligned(alignment, bytes);
	errno = error;
	if (!ptr)
		return ENOMEM;
	*result = ptr;
	return 0;
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
	if (is_power(alignment))
		return aligned(alignment, bytes);
	errno = EINVAL;
	return NULL;
}

/* Any alignment is rounded up to a power of two, as the C library does. */
void *memalign(size_t alignment, size_t bytes)
{
	size_t power = MIN_ALIGN;

	while (power < alignment && power <= SIZE_MAX / 4)
		power *= 2;
	if (power >= alignment)
		return aligned(power, bytes);
	errno = EINVAL;
	return NULL;
}

void *valloc(size_t bytes)
{
	return aligned((size_t)sysconf(_SC_PAGESIZE), bytes);
}

void *pvalloc(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (bytes > SIZE_MAX - page) {
		errno = ENOMEM;
		return NULL;
	}
	return aligned(page, bytes ? (bytes + page - 1) & ~(page - 1) : page);
}

void cfree(void *ptr)
{
	free(ptr);
}

size_t malloc_usable_size(void *ptr)
{
	if (!ptr || loader_owns(ptr))
		return 0;
	if (early_owns(ptr))
		return early_size(ptr);
	return the_heap ? fixheap_usable_size(the_heap, ptr) : 0;
}

int malloc_trim(size_t pad)
{
	struct fixheap *heap = enter();
	size_t given = 0;

	if (heap && fixheap_trim(heap, pad, 0, &given) == -ENOTSUP)
		given = fixheap_reclaim(heap);
	leave();
	return given > 0;
}

/* The names that glibc's own go by; programs that wrap malloc call them. */
void *__libc_malloc(size_t bytes)
{
	return malloc(bytes);
}

void *__libc_calloc(size_t count, size_t bytes)
{
	return calloc(count, bytes);
}

void *__libc_realloc(void *ptr, size_t bytes)
{
	return realloc(ptr, bytes);
}

void *__libc_memalign(size_t alignment, size_t bytes)
{
	return memalign(alignment, bytes);
}

void __libc_free(void *ptr)
{
	free(ptr);
}

/* --- the ends ------------------------------------------------------- */

static void end(void)
{
	publish_end();
	if (the_heap)
		fixheap_segment_hide(the_heap);
}

/*
 * By now the C library has its environment, even if a program that clears it
 * has not allocated yet.
 */
__attribute__((constructor)) static void preload_begin(void)
{
	have_environment = true;
	free(malloc(1));
	prefault_begin();
	publish_now();
	at_quick_exit(end);
}

__attribute__((destructor)) static void preload_end(void)
{
	end();
}

/* Ends that run no exit handlers; a child of vfork publishes nothing. */
void _exit(int status)
{
	end();
	for (;;)
		syscall(SYS_exit_group, status);
}

void _Exit(int status)
{
	_exit(status);
}
