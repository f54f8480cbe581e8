/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * support.c: heaps in each mode, through the public interface.
 *
 * The suite knows the modes by the table below, and by nothing else.  The blob
 * of the pinned modes is mapped once and never unmapped, as the filter of
 * filter.c is told where it is for good; what a test leaves in it is there for
 * the next one, as in memory that a runtime has registered.
 */
#include "support.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "filter.h"

#define CHILD_SECONDS 120

#define TWICE "double free, or never allocated"
#define FOREIGN "foreign pointer"

const struct mode modes[] = {
	{ "fixed", FIXHEAP_FIXED, 0, false, false, false, 0, TWICE },
	{ "dynamic", FIXHEAP_DYNAMIC, 0, false, false, true, 0, FOREIGN },
	{ "simple", FIXHEAP_SIMPLE, 0, false, false, true,
	  HEAP_BYTES / EXTEND_BYTES, TWICE },
	{ "pinned", FIXHEAP_FIXED, FIXHEAP_PINNED, true, false, false, 0,
	  TWICE },
	{ "filtered", FIXHEAP_FIXED, FIXHEAP_PINNED, true, true, false, 0,
	  TWICE },
};
const unsigned nr_modes = ARRAY_LEN(modes);

/* ThreadSanitizer: in the child of a fork jemalloc makes its mutexes anew,
 * which were locked before it; that is taken for a second lock. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "report_mutex_bugs=0";
}

void must_not(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

void need(bool there, const char *why)
{
	if (there)
		return;
	print_message("skipped: %s\n", why);
	skip();
}

/* ---- heaps --------------------------------------------------------------- */

static void on_fault(void *data, const struct fixheap_fault *fault)
{
	struct test_heap *t = data;

	t->nr_faults++;
	snprintf(t->api, sizeof(t->api), "%s", fault->api);
	snprintf(t->what, sizeof(t->what), "%s", fault->what);
}

static void prepare(struct test_heap *t)
{
	memset(t, 0, sizeof(*t));
	t->config = (struct fixheap_config)FIXHEAP_CONFIG_INIT;
	t->config.fault = on_fault;
	t->config.fault_data = t;
	layer_init(&t->layer);
}

void heap_prepare(struct test_heap *t, const struct mode *mode)
{
	prepare(t);
	t->mode = mode;
	t->config.mode = mode->mode;
	t->config.flags = mode->flags;
	t->config.length = mode->grows ? EXTEND_BYTES : HEAP_BYTES;
	if (mode->blob)
		t->config.base = filter_blob();
	if (mode->grows) {
		t->config.extend_bytes = EXTEND_BYTES;
		t->config.max_bytes = HEAP_BYTES;
	}
	if (mode->mode == FIXHEAP_DYNAMIC) {
		t->layer.comm.alloc_threshold = OWN_BYTES;
		t->layer.dirty = true;
		t->config.comm = &t->layer.comm;
	}
}

void heap_prepare_dynamic(struct test_heap *t, size_t length)
{
	prepare(t);
	t->config.mode = FIXHEAP_DYNAMIC;
	t->config.length = length;
	t->config.comm = &t->layer.comm;
}

void heap_open(struct test_heap *t)
{
	t->heap = NULL;
	assert_int_equal(fixheap_create(&t->config, &t->heap), 0);
	assert_non_null(t->heap);
	heap_valid(t);
}

/* The heap is gone even if something is wrong: the next test needs its blob. */
static void end(struct test_heap *t, bool empty)
{
	size_t used = empty ? heap_used(t) : 0;
	int err = fixheap_validate(t->heap);

	fixheap_destroy(t->heap);
	t->heap = NULL;
	assert_int_equal(err, 0);
	assert_int_equal(used, 0);
	assert_int_equal(t->nr_faults, 0);
	assert_int_equal(t->layer.nr_live, 0);
	assert_true(layer_is_empty(&t->layer));
}

void heap_drop(struct test_heap *t)
{
	end(t, false);
}

void heap_close(struct test_heap *t)
{
	end(t, true);
}

void heap_valid(struct test_heap *t)
{
	assert_int_equal(fixheap_validate(t->heap), 0);
}

size_t heap_used(struct test_heap *t)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	fixheap_reclaim(t->heap);
	assert_int_equal(fixheap_stats(t->heap, &stats), 0);
	assert_int_equal(stats.cached_bytes, 0);
	return stats.used_bytes;
}

void heap_faulted(struct test_heap *t, const char *api, const char *what)
{
	assert_int_equal(t->nr_faults, 1);
	assert_string_equal(t->api, api);
	assert_string_equal(t->what, what);
	t->nr_faults = 0;
}

unsigned heap_regions(struct test_heap *t, unsigned flags)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;
	unsigned nr = 0, id = 0;

	while (!fixheap_region_at(t->heap, id, &region)) {
		assert_true(region.id >= id);
		id = region.id + 1;
		nr += (region.flags & flags) == flags;
	}
	return nr;
}

struct fixheap_region region_of(struct test_heap *t, const void *ptr)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;

	assert_int_equal(fixheap_region_of(t->heap, ptr, &region), 0);
	assert_ptr_equal((char *)region.base + region.offset, ptr);
	assert_true(region.offset < region.bytes);
	return region;
}

/* ---- memory -------------------------------------------------------------- */

size_t in_pages(size_t bytes)
{
	size_t page = fixheap_page_size();

	return bytes ? (bytes + page - 1) / page * page : page;
}

void *array_make(struct test_heap *t, size_t bytes, unsigned flags)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;

	attr.flags = flags;
	return fixheap_array_alloc(t->heap, bytes, &attr);
}

/* Anywhere, and of whatever type it is otherwise. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word;

static uint64_t word_at(size_t i, uint64_t seed)
{
	return (seed + i) * 0x9e3779b97f4a7c15ull;
}

void fill(void *start, size_t bytes, uint64_t seed)
{
	size_t i, whole = bytes / sizeof(word);
	uint64_t last = word_at(whole, seed);
	word *to = start;

	for (i = 0; i < whole; i++)
		to[i] = word_at(i, seed);
	memcpy(to + whole, &last, bytes % sizeof(word));
}

bool is_filled(const void *start, size_t bytes, uint64_t seed)
{
	size_t i, whole = bytes / sizeof(word);
	uint64_t last = word_at(whole, seed);
	const word *from = start;

	for (i = 0; i < whole && from[i] == word_at(i, seed); i++)
		;
	return i == whole && !memcmp(from + whole, &last, bytes % sizeof(word));
}

bool is_byte(const void *start, size_t bytes, unsigned char value)
{
	const unsigned char *at = start;

	return !bytes || (at[0] == value && !memcmp(at, at + 1, bytes - 1));
}

struct mapped mapped_now(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	struct mapped mapped = { 0, 0 };
	unsigned long from, to;
	char line[512], access[8];

	must(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, access) != 3)
			continue;
		mapped.nr++;
		if (!strncmp(access, "rw", 2))
			mapped.bytes += to - from;
	}
	fclose(file);
	return mapped;
}

uint64_t random_below(uint64_t *seed, uint64_t below)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (z ^ z >> 31) % below;
}

/* ---- processes ----------------------------------------------------------- */

int in_child(int (*fn)(void *data), void *data, char *text, size_t bytes)
{
	int status, pipes[2];
	size_t length = 0;
	ssize_t n;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		close(pipes[0]);
		if (text)
			dup2(pipes[1], 2);
		signal(SIGABRT, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		alarm(CHILD_SECONDS);
		_exit(fn(data));
	}
	close(pipes[1]);
	while (text && length + 1 < bytes &&
	       (n = read(pipes[0], text + length, bytes - length - 1)) > 0)
		length += (size_t)n;
	if (text)
		text[length] = '\0';
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}
