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
 * 4. No descriptor is kept open and no file is read after the heap is made.
 *
 * Locking: init_lock while the heap is made; the heap has its own locks.
 * Cost: two branches on the thread's own data above fixheap_malloc().
 * What it is not: a place for policy.  One zone: any free run may be used by
 * any thread, and the kernel places pages where they are touched first.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload.h"
#include <fixheap/fixheap.h>

#include "size.h"
#include "slots.h"
#include "space.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define EXIT_NO_HEAP 125
#define MIN_ALIGN ((size_t)16)
#define CPUS_MOST 4096

struct fixheap *the_heap;
static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t leave_key;
static bool have_environment;

/* --- making the heap ------------------------------------------------ */

static void print_line(const char *line, size_t length)
{
	while (length) {
		ssize_t done = write(STDERR_FILENO, line, length);

		if (done <= 0)
			return;
		line += done;
		length -= (size_t)done;
	}
}

static void no_heap(const char *why, const char *text, int error)
{
	char line[256];
	int length;

	length = snprintf(line, sizeof(line), "fixheap: %s '%s': %s\n", why,
			  text, strerrordesc_np(error));
	print_line(line, length < (int)sizeof(line) ? (size_t)length
						    : sizeof(line) - 1);
	syscall(SYS_exit_group, EXIT_NO_HEAP);
}

/* One node with all CPUs. */
static void one_node(struct fixheap_topology *topology)
{
	static unsigned cpu_node[CPUS_MOST];
	static unsigned char distance[1] = { 10 };
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	*topology = (struct fixheap_topology){ .size = sizeof(*topology),
					       .nr_nodes = 1,
					       .nr_cpus = 1,
					       .cpu_node = cpu_node,
					       .distance = distance };
	if (cpus > 1)
		topology->nr_cpus = cpus < CPUS_MOST ? (unsigned)cpus
						     : CPUS_MOST;
}

/*
 * A mistake of the program, in the words of the C library: it called free, not
 * fixheap_free.
 */
static void on_fault(void *unused, const struct fixheap_fault *fault)
{
	static const char before[] = "fixheap: fixheap_";
	const char *text = fault->message;
	char line[1024];
	int length;

	(void)unused;
	if (strncmp(text, before, sizeof(before) - 1))
		length = snprintf(line, sizeof(line), "%s\n", text);
	else
		length = snprintf(line, sizeof(line), "fixheap: %s%s\n",
				  strstr(fault->api, "usable_size") ? "malloc_"
								    : "",
				  text + sizeof(before) - 1);
	print_line(line, length < (int)sizeof(line) ? (size_t)length
						    : sizeof(line) - 1);
	abort();
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
	struct fixheap_topology topology;
	struct space_request request;
	struct fixheap *heap;
	int error;

	if (!text || !*text)
		text = "50%";
	error = fixheap_parse_size(text, &request.bytes);
	if (error)
		no_heap("bad heap size in " HEAP_VARIABLE, text, -error);
	loader_find();
	one_node(&topology);
	request.topology = &topology;
	request.fault = on_fault;
	request.hugepages = getenv(HUGEPAGES_VARIABLE);
	error = space_create(&request, &heap);
	if (error)
		no_heap("cannot make a heap of", text, -error);
	error = pthread_key_create(&leave_key, thread_leave);
	if (error)
		no_heap("no thread key for a heap of", text, error);
	publish_open(heap);
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

/* Leave with what the heap gave. */
static inline void *leave_with(void *ptr, size_t bytes)
{
	if (likely(ptr)) {
		self.nr_allocs++;
		self.budget -= (long)bytes;
		if (unlikely(self.budget < 0))
			publish_now();
	} else {
		self.nr_fails++;
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
	return leave_with(fixheap_malloc(heap, bytes), bytes);
}

void *calloc(size_t count, size_t bytes)
{
	struct fixheap *heap = enter();
	size_t all;

	if (unlikely(__builtin_mul_overflow(count, bytes, &all)))
		all = SIZE_MAX;
	if (unlikely(!heap))
		return leave_early(MIN_ALIGN, all);
	return leave_with(fixheap_calloc(heap, count, bytes), all);
}

static void *aligned(size_t alignment, size_t bytes)
{
	struct fixheap *heap = enter();

	if (alignment < MIN_ALIGN)
		alignment = MIN_ALIGN;
	if (unlikely(!heap))
		return leave_early(alignment, bytes);
	return leave_with(fixheap_aligned_alloc(heap, alignment, bytes), bytes);
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
	ptr = fixheap_realloc(heap, ptr, bytes);
	self.nr_frees += !!ptr;
	return leave_with(ptr, bytes);
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
	int given = heap && fixheap_reclaim(heap) > 0;

	(void)pad;
	leave();
	return given;
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

/*
 * By now the C library has its environment, even if a program that clears it
 * has not allocated yet.
 */
__attribute__((constructor)) static void preload_begin(void)
{
	have_environment = true;
	free(malloc(1));
	publish_now();
	at_quick_exit(publish_end);
}

__attribute__((destructor)) static void preload_end(void)
{
	publish_end();
}

/* Ends that run no exit handlers; a child of vfork publishes nothing. */
void _exit(int status)
{
	publish_end();
	for (;;)
		syscall(SYS_exit_group, status);
}

void _Exit(int status)
{
	_exit(status);
}
