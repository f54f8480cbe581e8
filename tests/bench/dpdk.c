/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dpdk.c: an external heap of DPDK.
 *
 * rte_malloc_heap_create and rte_malloc_heap_memory_add make a heap of any
 * memory, rte_malloc_socket allocates from it.  With --no-huge and --no-shconf
 * that needs no privileges.  The start takes half a second and changes the
 * caller's CPUs, so it is made once, before others start from this process; it
 * leaves an empty folder "dpdk" in the run-time directory behind.
 *
 * The heap's memory is told in pages of 2 MiB: with small ones DPDK would fill
 * a table of 56 bytes for each.
 */
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "peer.h"

#define PAGE ((size_t)2 << 20)
#define NR(array) (sizeof(array) / sizeof(*(array)))

static struct {
	int (*init)(int argc, char **argv);
	int (*create)(const char *name);
	int (*add)(const char *name, void *base, size_t bytes, void *iova,
		   unsigned nr_pages, size_t page);
	int (*socket)(const char *name);
	void *(*alloc)(const char *type, size_t bytes, unsigned align,
		       int socket);
	void (*free)(void *ptr);
} dpdk;

static int heap_socket;

static void *call_alloc(void *heap, size_t bytes)
{
	(void)heap;
	return dpdk.alloc(NULL, bytes, 0, heap_socket);
}

static void call_free(void *heap, void *ptr)
{
	(void)heap;
	dpdk.free(ptr);
}

static bool find(void *library)
{
	const struct {
		const char *name;
		void *function;
	} names[] = {
		{ "rte_eal_init", &dpdk.init },
		{ "rte_malloc_heap_create", &dpdk.create },
		{ "rte_malloc_heap_memory_add", &dpdk.add },
		{ "rte_malloc_heap_get_socket", &dpdk.socket },
		{ "rte_malloc_socket", &dpdk.alloc },
		{ "rte_free", &dpdk.free },
	};

	for (size_t i = 0; i < NR(names); i++) {
		void *function = dlsym(library, names[i].name);

		if (!function)
			return false;
		memcpy(names[i].function, &function, sizeof(function));
	}
	return true;
}

const char *dpdk_init(void)
{
	static const char *const libraries[] = { "librte_eal.so.23",
						 "librte_eal.so.24",
						 "librte_eal.so.25" };
	static const char *const arguments[] = {
		"bench",	  "--no-huge", "--no-shconf", "--no-pci",
		"--no-telemetry", "-m",	       "64",	      "--log-level=1",
		"--file-prefix",  "bench",
	};
	char *argv[NR(arguments) + 1] = { NULL };
	void *library = NULL;
	cpu_set_t cpus;
	int ret;

	for (size_t i = 0; i < NR(libraries) && !library; i++)
		library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
	if (!library || !find(library))
		return "no librte_eal.so.23";
	for (size_t i = 0; i < NR(arguments); i++)
		argv[i] = (char *)arguments[i];
	sched_getaffinity(0, sizeof(cpus), &cpus);
	ret = dpdk.init((int)NR(arguments), argv);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	return ret < 0 ? "rte_eal_init fails" : NULL;
}

const char *dpdk_open(struct allocator *allocator, void *base, size_t bytes)
{
	size_t nr = (bytes + PAGE - 1) / PAGE;

	if (!dpdk.add)
		return "not started";
	if (dpdk.create("bench"))
		return "rte_malloc_heap_create fails";
	if (dpdk.add("bench", base, nr * PAGE, NULL, (unsigned)nr, PAGE))
		return "rte_malloc_heap_memory_add fails";
	heap_socket = dpdk.socket("bench");
	allocator->alloc = call_alloc;
	allocator->free = call_free;
	allocator->heap = NULL;
	return NULL;
}
