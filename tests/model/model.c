/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.c: random operations on a heap, each compared with a plain oracle.
 *
 * The oracle (oracle.c) is an array with an entry for each page: which
 * allocation it belongs to.  It knows nothing of blocks, trees or caches.
 * After each call (ops.c):
 *
 *  - what was handed out must have been free, must be aligned, in the right
 *    nodes, and zero where that was asked for;
 *  - a refusal is right only if the oracle has no free run that would serve;
 *  - contents must have survived: a mark in each page, all of an object;
 *  - a mistake is reported once and changes nothing;
 *  - fixheap_largest_free, fixheap_walk and the bytes in use must be what the
 *    oracle says;
 *  - in a bound heap each page in memory is where it shall be (nodes.c);
 *  - fixheap_validate must find nothing.
 *
 * Runs on the simulated host: the number of nodes is free.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "oracle.h"
#include "sim/host_sim.h"

/* The heap's zones, as it tells. */
static int fill_zone(void *data, const struct fixheap_zone *zone)
{
	struct model *m = data;
	size_t first = ((char *)zone->start - m->base) / m->page_bytes;

	for (size_t i = 0; i < zone->bytes / m->page_bytes; i++)
		m->node[first + i] = (uint8_t)zone->node;
	m->nodes |= 1ull << zone->node;
	return 0;
}

static void on_fault(void *data, const struct fixheap_fault *fault)
{
	struct model *m = data;

	m->nr_faults++;
	if (!m->mistake)
		model_fail(m, fault->what, (size_t)fault->pfn, 0);
}

static bool validate(struct model *m)
{
	return !fixheap_validate(m->heap) ||
	       model_fail(m, "fixheap_validate", 0, 0);
}

/* Everything back, and nothing is left. */
static void finish(struct model *m)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	while (m->nr_live && !m->error[0])
		model_free_any(m, true);
	if (m->error[0] || !oracle_used(m) || !validate(m))
		return;
	fixheap_stats(m->heap, &stats);
	if (stats.used_bytes)
		model_fail(m, "not all came back", 0, stats.used_bytes);
	if (fixheap_largest_free(m->heap, NULL) / m->page_bytes !=
	    oracle_largest(m, ~0ull, 1))
		model_fail(m, "not all is joined", 0, 0);
}

static void run(struct model *m)
{
	unsigned long i;

	for (i = 1; i <= m->options->nr_ops && !m->error[0]; i++) {
		if (m->source->bytes && !m->source->nr_bytes)
			break;
		if (!model_step(m))
			break;
		if (i % 16 == 0 && !nodes_check_all(m))
			break;
		if (i % m->options->validate_every == 0 && !validate(m))
			break;
	}
	finish(m);
	if (m->error[0])
		snprintf(m->error + strlen(m->error),
			 sizeof(m->error) - strlen(m->error),
			 " at operation %lu", i);
}

const char *model_run(struct source *source,
		      const struct model_options *options)
{
	static struct model m;
	static char error[sizeof(m.error)];
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_numa layout = FIXHEAP_NUMA_INIT;
	size_t bytes = options->heap_pages * fixheap_page_size();
	size_t align = 4096 * fixheap_page_size();
	char *memory, text[32];

	memset(&m, 0, sizeof(m));
	m.source = source;
	m.options = options;
	m.page_bytes = fixheap_page_size();
	m.next_mark = 1;
	host_sim_reset();
	snprintf(text, sizeof(text), "%ux%u", options->nr_nodes,
		 options->nr_nodes > 2 ? 1 : 2);
	if (host_sim_describe(text))
		return "the simulated host refused";
	memory = mmap(NULL, bytes + 2 * align, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return "no memory for the test";
	config.base =
		(char *)(((uintptr_t)memory + align) & -align) + options->skew;
	config.length = bytes;
	config.flags = FIXHEAP_ZEROED;
	if (!options->bound) {
		config.flags |= FIXHEAP_PINNED;
		layout.binding = FIXHEAP_BINDING_NONE;
		config.numa = &layout;
	}
	config.fault = on_fault;
	config.fault_data = &m;
	m.base = (char *)(((uintptr_t)config.base + m.page_bytes - 1) &
			  -m.page_bytes);
	m.nr_pages =
		(size_t)((char *)config.base + bytes - m.base) / m.page_bytes;
	m.owner = calloc(m.nr_pages, sizeof(m.owner[0]));
	m.node = calloc(m.nr_pages, 1);
	m.use = calloc(m.nr_pages, 1);
	if (fixheap_create(&config, &m.heap))
		model_fail(&m, "fixheap_create", 0, 0);
	else if (!fixheap_zones(m.heap, fill_zone, &m))
		run(&m);
	fixheap_destroy(m.heap);
	munmap(memory, bytes + 2 * align);
	free(m.owner);
	free(m.node);
	free(m.use);
	memcpy(error, m.error, sizeof(error));
	return error[0] ? error : NULL;
}
