/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c: so many operations of one kind on a heap of one mode, for a tool that
 * counts instructions; see tests/cost.sh.
 *
 * cost MODE OPERATION COUNT.  The heap is in use as a runtime's would be: 1,000
 * objects and 100 arrays live, in one region, so that all modes do the same.
 */
#include <fixheap/fixheap.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEAP_BYTES ((size_t)1 << 30)
#define REGIONS_BYTES ((size_t)4 << 30)
#define ALIGN ((size_t)2 << 20)

/* At a multiple of 2 MiB in all modes, so that they are in the same state. */
static void *region_alloc(void *data, size_t bytes, int node)
{
	char *base = mmap(NULL, bytes + ALIGN, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)data;
	(void)node;
	if (base == MAP_FAILED)
		return NULL;
	return base + (-(uintptr_t)base & (ALIGN - 1));
}

/* A heap of so many regions more, each with a key of its own. */
static void add_regions(struct fixheap *heap, int nr)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;
	size_t bytes = (REGIONS_BYTES / (size_t)nr) & ~(ALIGN - 1);
	char *base = region_alloc(NULL, REGIONS_BYTES, -1);

	region.bytes = bytes;
	region.flags = FIXHEAP_REGION_ZEROED;
	for (int i = 0; i < nr; i++) {
		region.base = base + (size_t)i * bytes;
		region.key = (uint64_t)i + 1;
		if (fixheap_add_region(heap, &region))
			exit(1);
	}
}

static struct fixheap *make(const char *mode)
{
	static struct fixheap_comm comm = FIXHEAP_COMM_INIT;
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap;

	comm.region_alloc = region_alloc;
	comm.alloc_threshold = HEAP_BYTES;
	config.length = HEAP_BYTES;
	config.max_regions = 64;
	if (!strcmp(mode, "fixed")) {
		config.base = region_alloc(NULL, HEAP_BYTES, -1);
	} else if (!strcmp(mode, "growable")) {
		config.base = region_alloc(NULL, HEAP_BYTES, -1);
		config.max_bytes = HEAP_BYTES + (64 << 20);
	} else if (!strcmp(mode, "dynamic")) {
		config.mode = FIXHEAP_DYNAMIC;
		config.comm = &comm;
		config.max_bytes = HEAP_BYTES + (64 << 20);
	} else if (!strncmp(mode, "regions-", 8)) {
		config.base = region_alloc(NULL, HEAP_BYTES, -1);
		config.max_bytes = HEAP_BYTES + REGIONS_BYTES;
		config.max_regions = 2000;
	} else {
		config.mode = FIXHEAP_SIMPLE;
		config.max_bytes = HEAP_BYTES + (64 << 20);
	}
	if (fixheap_create(&config, &heap))
		exit(1);
	if (!strncmp(mode, "regions-", 8))
		add_regions(heap, atoi(mode + 8));
	return heap;
}

/* Some byte of the heap. */
static char *live;

static void *do_malloc(struct fixheap *heap)
{
	void *ptr = fixheap_malloc(heap, 64);

	fixheap_free(heap, ptr);
	return ptr;
}

static void *do_large(struct fixheap *heap)
{
	void *ptr = fixheap_malloc(heap, 100000);

	fixheap_free(heap, ptr);
	return ptr;
}

static void *do_array(struct fixheap *heap)
{
	void *ptr = fixheap_array_alloc(heap, 5 << 20, NULL);

	fixheap_array_free(heap, ptr);
	return ptr;
}

static void *do_page(struct fixheap *heap)
{
	void *ptr = fixheap_pages_alloc(heap, 1, 0, NULL);

	fixheap_pages_free(heap, ptr, 1);
	return ptr;
}

static void *do_region(struct fixheap *heap)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;

	return fixheap_region_of(heap, live, &region) ? NULL : region.base;
}

static const struct operation {
	const char *name;
	void *(*once)(struct fixheap *heap); /* NULL: it failed */
} operations[] = {
	{ "malloc", do_malloc }, { "large", do_large },	  { "array", do_array },
	{ "page", do_page },	 { "region", do_region },
};

static const struct operation *find(const char *name)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		if (!strcmp(operations[i].name, name))
			return &operations[i];
	}
	exit(2);
}

static bool repeat(const struct operation *operation, struct fixheap *heap,
		   int times)
{
	while (times--) {
		if (!operation->once(heap))
			return false;
	}
	return true;
}

/* What is done in it is counted. */
__attribute__((noinline)) bool measured(const struct operation *operation,
					struct fixheap *heap, int times);
bool measured(const struct operation *operation, struct fixheap *heap,
	      int times)
{
	return repeat(operation, heap, times);
}

int main(int argc, char **argv)
{
	const struct operation *operation;
	struct fixheap *heap;
	unsigned seed = 1;

	if (argc != 4)
		return 2;
	operation = find(argv[2]);
	heap = make(argv[1]);
	live = fixheap_malloc(heap, 1);
	for (int i = 0; i < 1000; i++) {
		seed = seed * 1103515245 + 12345;
		if (!fixheap_malloc(heap, seed >> 16 & 0x3fff))
			return 1;
		if (i % 10 == 0 && !fixheap_array_alloc(heap, seed >> 12, NULL))
			return 1;
	}
	if (!repeat(operation, heap, 500))
		return 1;
	return !measured(operation, heap, atoi(argv[3]));
}
