/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.c: every call of the program's, to a file
 *
 * The file (trace_format.h) is mapped whole when the heap is made: sparse and
 * longer than it will ever be.  A call takes the next word of it by one add,
 * which is atomic where there are threads, and stores one word.  So what was
 * done is in the file even when the process is killed; the command cuts off
 * what is not used in the end.
 *
 * 1. Nothing is opened after the heap is made, but for a child of fork.
 * 2. Memory of the file is asked for (MADV_POPULATE_WRITE) a window at a time
 *    before it is written to: a full disk stops the recording, not the
 *    program.
 * 3. A child of fork has a file of its own from its first call on; one of
 *    vfork works on its parent's heap, and so in its file.
 *
 * Locking: window_lock to get a window; nothing else.  Cost: one branch a call
 * without recording; with it an add, a store and a share of a page fault: 15
 * ns, or 35 with threads, as an atomic add waits for all stores before it.
 * What it is not: a profile; no times, no call stacks.
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
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#include "preload.h"
#include "record.h"
#include "trace_format.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

#define FILE_MOST ((uint64_t)64 << 30)
#define FILE_LEAST ((uint64_t)1 << 20)
#define WINDOW_FIRST ((uint64_t)2 << 10) /* words */
#define WINDOW_MOST ((uint64_t)128 << 10)
#define NAMES_MOST 1000

bool record_on;

static struct trace_header *header; /* NULL: to be made, by a forked child */
static uint64_t *words;
static uint64_t nr_words_most; /* that are mapped */
static uint64_t nr_ready;      /* that can be written (A) */
static pthread_mutex_t window_lock = PTHREAD_MUTEX_INITIALIZER;

static size_t heap_start, heap_length;
static unsigned long long session;
static char path[PATH_MAX];	 /* as the command gave it */
static char file[PATH_MAX + 32]; /* ours */
static uint64_t forked_words;	 /* of the parent's file, at the fork */

/* --- the file ------------------------------------------------------- */

/* PATH, PATH.PID, PATH.PID.2, ...: the first that there is not. */
static int file_create(void)
{
	int i, fd;

	snprintf(file, sizeof(file), "%s", path);
	for (i = 1;; i++) {
		fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST || i == NAMES_MOST)
			return fd;
		snprintf(file, sizeof(file), i > 1 ? "%s.%d.%d" : "%s.%d", path,
			 (int)getpid(), i);
	}
}

/* As long as the system lets it be. */
static void *file_map(int fd, uint64_t *bytes)
{
	struct rlimit limit;
	void *map;

	*bytes = FILE_MOST;
	if (!getrlimit(RLIMIT_FSIZE, &limit))
		while (*bytes > limit.rlim_cur)
			*bytes /= 2;
	for (; *bytes >= FILE_LEAST; *bytes /= 2) {
		if (ftruncate(fd, (off_t)*bytes))
			continue;
		map = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   0);
		if (map == MAP_FAILED)
			continue;
		/* or megabytes of holes are read ahead at the first touch */
		madvise(map, *bytes, MADV_RANDOM);
		return map;
	}
	return NULL;
}

/* Whether there is room for that; an old kernel cannot tell: so there is. */
static bool populate(void *start, uint64_t bytes)
{
	return !madvise(start, bytes, MADV_POPULATE_WRITE) || errno == EINVAL;
}

static void header_fill(struct trace_header *to, const char *parent)
{
	to->version = TRACE_VERSION;
	to->header_bytes = TRACE_HEADER_BYTES;
	to->session = session;
	to->heap_bytes = heap_length;
	to->pid = (uint32_t)getpid();
	prctl(PR_GET_NAME, to->program);
	if (parent) {
		to->parent_words = forked_words;
		snprintf(to->parent, sizeof(to->parent), "%s", parent);
	}
	__atomic_store_n(&to->magic, TRACE_MAGIC, __ATOMIC_RELEASE);
}

/* Make and map the file; parent: the name of our parent's, or NULL. */
static void file_open(const char *parent)
{
	struct trace_header *map = NULL;
	uint64_t bytes;
	int fd = file_create();

	if (fd >= 0) {
		map = file_map(fd, &bytes);
		close(fd);
	}
	if (!map || !populate(map, TRACE_HEADER_BYTES)) {
		record_on = false;
		return;
	}
	header_fill(map, parent);
	nr_words_most = (bytes - TRACE_HEADER_BYTES) / sizeof(*words);
	words = (void *)((char *)map + TRACE_HEADER_BYTES);
	nr_ready = 0;
	__atomic_store_n(&header, map, __ATOMIC_RELEASE);
}

/* --- words ---------------------------------------------------------- */

/* One window more: the first is small, as many processes are short. */
static bool window_add(void)
{
	uint64_t start = nr_ready, nr = start + WINDOW_FIRST;

	if (start >= WINDOW_MOST)
		nr = WINDOW_MOST;
	else if (start)
		nr = start;
	if (nr > nr_words_most - start ||
	    !populate(words + start, nr * sizeof(*words)))
		return false;
	__atomic_store_n(&header->nr_ready, start + nr, __ATOMIC_RELAXED);
	__atomic_store_n(&nr_ready, start + nr, __ATOMIC_RELEASE);
	return true;
}

/* Whether there is room up to that word; if not, this is the end. */
static bool window_get(uint64_t end)
{
	int error = errno;

	pthread_mutex_lock(&window_lock);
	while (nr_ready < end && record_on)
		if (!window_add())
			record_on = false;
	pthread_mutex_unlock(&window_lock);
	errno = error;
	return nr_ready >= end;
}

/* The first call of a forked child; its parent's file is behind it. */
static void child_open(void)
{
	char parent[sizeof(file)], *name;
	int error = errno;

	pthread_mutex_lock(&window_lock);
	if (!header && record_on) {
		strcpy(parent, file);
		name = strrchr(parent, '/');
		file_open(name ? name + 1 : parent);
	}
	pthread_mutex_unlock(&window_lock);
	errno = error;
}

/* The number of words until now, and n more. */
static inline uint64_t count(uint64_t *nr_words, unsigned n)
{
	uint64_t nr;

	if (!__libc_single_threaded)
		return __atomic_fetch_add(nr_words, n, __ATOMIC_RELAXED);
	nr = __atomic_load_n(nr_words, __ATOMIC_RELAXED);
	__atomic_store_n(nr_words, nr + n, __ATOMIC_RELAXED);
	return nr;
}

/* Take n words in a row; NULL: there are none.  *index: the first's. */
static inline uint64_t *take(unsigned n, uint64_t *index)
{
	if (unlikely(!__atomic_load_n(&header, __ATOMIC_ACQUIRE))) {
		child_open();
		if (!header)
			return NULL;
	}
	*index = count(&header->nr_words, n);
	if (unlikely(*index + n >
		     __atomic_load_n(&nr_ready, __ATOMIC_ACQUIRE)) &&
	    !window_get(*index + n))
		return NULL;
	return words + *index;
}

static void put(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static uint64_t place_of(const void *ptr)
{
	uint64_t place = ((size_t)ptr - heap_start) >> TRACE_GRAIN_SHIFT;

	return (place & TRACE_PLACE_MASK) << TRACE_PLACE_SHIFT;
}

void record_alloc(const void *ptr, size_t alignment, size_t bytes)
{
	bool more = bytes > TRACE_BYTES_MAX || alignment;
	uint64_t last = ptr ? place_of(ptr) | TRACE_ALLOC : TRACE_FAIL;
	uint64_t moved = self.moved, *word, index;

	self.moved = 0;
	word = take(1U + more + !!moved, &index);
	if (!word)
		return;
	if (moved)
		put(word++, (moved - 1) << TRACE_PLACE_SHIFT | TRACE_FROM);
	if (more) {
		index = bytes < TRACE_MORE_MAX ? bytes : TRACE_MORE_MAX;
		index <<= TRACE_MORE_SHIFT;
		if (alignment)
			index |= (uint64_t)__builtin_ctzl(alignment)
				 << TRACE_PLACE_SHIFT;
		put(word++, index | TRACE_MORE);
		bytes = 0;
	}
	put(word, last | (uint64_t)bytes << TRACE_BYTES_SHIFT);
}

void record_free(const void *ptr)
{
	uint64_t index, *word = take(1, &index);

	if (word)
		put(word, place_of(ptr) | TRACE_FREE);
}

void record_move(const void *ptr)
{
	uint64_t index, *word = take(1, &index);

	if (!word)
		return;
	put(word, place_of(ptr) | TRACE_BEGIN);
	self.moved = index + 1;
}

/* --- the ends ------------------------------------------------------- */

static void before_fork(void)
{
	struct trace_header *ours = header;

	if (ours)
		forked_words =
			__atomic_load_n(&ours->nr_words, __ATOMIC_RELAXED);
}

/* Children of one that has not called yet begin where it does. */
static void in_child(void)
{
	window_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	self.moved = 0;
	if (!header)
		return;
	munmap(header, TRACE_HEADER_BYTES + nr_words_most * sizeof(*words));
	header = NULL;
}

static int first_range(void *data, const void *start, size_t bytes,
		       enum fixheap_use use)
{
	(void)bytes;
	(void)use;
	*(size_t *)data = (size_t)start;
	return 1;
}

void record_open(struct fixheap *heap, size_t heap_bytes)
{
	const char *text = getenv(RECORD_VARIABLE);
	char *end;

	if (!text || !*text)
		return;
	session = strtoull(text, &end, 16);
	if (end == text || *end != ':' || strlen(end + 1) >= sizeof(path))
		return;
	strcpy(path, end + 1);
	heap_length = heap_bytes;
	fixheap_walk(heap, first_range, &heap_start);
	if (pthread_atfork(before_fork, NULL, in_child))
		return;
	record_on = true;
	file_open(NULL);
}
