/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.c: random operations on a heap, each compared with a plain oracle.
 *
 * The oracle is an array with an entry for each page: which allocation it
 * belongs to. It knows nothing of blocks, trees or caches. After each call:
 *
 *  - what was handed out must have been free, must be aligned, in the right
 *    nodes, and zero where that was asked for;
 *  - a refusal is right only if the oracle has no free run that would serve;
 *  - contents must have survived (a mark in each page);
 *  - fixheap_largest_free must be the largest run of the oracle;
 *  - fixheap_validate must find nothing.
 *
 * Runs on the simulated host: the number of nodes is free.
 */
#include "model.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <fixheap/fixheap.h>

#include "../../arch/sim/host_sim.h"

#define MAX_RUNS 4096

enum kind {
	FREE,
	PAGES,
	ARRAY
};

struct live {
	enum kind kind;
	size_t page, nr; /* in pages of the heap */
	bool zero;
};

struct model {
	struct source *source;
	const struct model_options *options;
	struct fixheap *heap;
	char *base; /* of the first whole page */
	size_t nr_pages;
	size_t page_bytes;
	uint32_t *owner; /* by page: mark of its allocation, 0: free */
	uint8_t *node;	 /* by page: its zone's node */
	struct live live[MAX_RUNS];
	unsigned nr_live;
	uint32_t next_mark;
	char error[256];
};

static uint32_t pick(struct source *source, uint32_t below)
{
	uint64_t value = 0;

	if (source->bytes) {
		for (int i = 0; i < 3 && source->nr_bytes; i++) {
			value = value << 8 | *source->bytes++;
			source->nr_bytes--;
			if (below <= 1u << (8 * i + 8))
				break;
		}
		return (uint32_t)(value % below);
	}
	source->seed ^= source->seed << 13;
	source->seed ^= source->seed >> 7;
	source->seed ^= source->seed << 17;
	return (uint32_t)((source->seed * 0x2545f4914f6cdd1dull >> 32) % below);
}

static bool fail(struct model *m, const char *what, size_t page, size_t nr)
{
	if (!m->error[0])
		snprintf(m->error, sizeof(m->error), "%s (page %zu, %zu)", what,
			 page, nr);
	return false;
}

static char *at(const struct model *m, size_t page)
{
	return m->base + page * m->page_bytes;
}

/* Longest free run of the oracle in these nodes at this alignment (pages). */
static size_t largest(const struct model *m, uint64_t nodes, size_t align)
{
	size_t best = 0, page = 0;

	while (page < m->nr_pages) {
		uint8_t node = m->node[page];
		size_t start = page, end = page;

		while (end < m->nr_pages && !m->owner[end] &&
		       m->node[end] == node)
			end++;
		while (start < end &&
		       (uintptr_t)at(m, start) / m->page_bytes % align)
			start++;
		if (nodes >> node & 1 && end - start > best)
			best = end - start;
		page = end > page ? end : page + 1;
	}
	return best;
}

/* The pages now belong to a new allocation: check and mark them. */
static bool claim(struct model *m, size_t page, size_t nr, bool zero,
		  uint32_t mark)
{
	for (size_t i = page; i < page + nr; i++) {
		uint64_t *words = (uint64_t *)at(m, i);

		if (m->owner[i])
			return fail(m, "handed out twice", i, nr);
		m->owner[i] = mark;
		for (size_t w = 0; zero && w < m->page_bytes / 8; w += 37) {
			if (words[w])
				return fail(m, "not zero", i, nr);
		}
		words[0] = words[37] = words[74] = mark;
		words[m->page_bytes / 8 - 1] = i;
	}
	return true;
}

static bool intact(struct model *m, size_t page, size_t nr)
{
	for (size_t i = page; i < page + nr; i++) {
		const uint64_t *words = (const uint64_t *)at(m, i);

		if (words[0] != m->owner[i] ||
		    words[m->page_bytes / 8 - 1] != i)
			return fail(m, "contents lost", i, nr);
	}
	return true;
}

static void give(struct model *m, size_t page, size_t nr)
{
	memset(&m->owner[page], 0, nr * sizeof(m->owner[0]));
}

/* A length: often small, sometimes about a block or a good part of all. */
static size_t pick_pages(struct model *m)
{
	switch (pick(m->source, 8)) {
	case 0:
	case 1:
	case 2:
		return 1;
	case 3:
		return 1 + pick(m->source, 8);
	case 4:
		return 1 + pick(m->source, 100);
	case 5:
		return 500 + pick(m->source, 30);
	case 6:
		return 1 + pick(m->source, 1500);
	default:
		return 1 + pick(m->source, (uint32_t)m->nr_pages);
	}
}

static void pick_attr(struct model *m, struct fixheap_array_attr *attr)
{
	uint32_t nr_nodes = m->options->nr_nodes;

	*attr = (struct fixheap_array_attr)FIXHEAP_ARRAY_ATTR_INIT;
	if (!pick(m->source, 3))
		attr->flags = FIXHEAP_ZERO;
	if (!pick(m->source, 4))
		attr->alignment = m->page_bytes << pick(m->source, 12);
	if (nr_nodes > 1 && !pick(m->source, 3)) {
		attr->policy = FIXHEAP_POLICY_BIND;
		attr->nodes = 1ull << pick(m->source, nr_nodes);
	}
}

static bool op_alloc(struct model *m, enum kind kind)
{
	struct fixheap_array_attr attr;
	struct live *live = &m->live[m->nr_live];
	size_t nr = pick_pages(m), align, page, fits;
	uint64_t nodes;
	void *start;

	pick_attr(m, &attr);
	if (m->nr_live == MAX_RUNS)
		return true;
	nodes = attr.policy == FIXHEAP_POLICY_BIND ? attr.nodes : ~0ull;
	align = attr.alignment ? attr.alignment / m->page_bytes : 1;
	if (kind == PAGES)
		start = fixheap_pages_alloc(m->heap, nr, 0, &attr);
	else
		start = fixheap_array_alloc(m->heap, nr * m->page_bytes, &attr);
	if (!start) {
		fits = largest(m, nodes, align);
		return fits < nr || fail(m, "refused, but it fits", fits, nr);
	}
	page = (size_t)((char *)start - m->base) / m->page_bytes;
	if (page + nr > m->nr_pages || (uintptr_t)start % m->page_bytes)
		return fail(m, "outside of the heap", page, nr);
	if ((uintptr_t)start / m->page_bytes % align)
		return fail(m, "not aligned", page, nr);
	if (!(nodes >> m->node[page] & 1))
		return fail(m, "on the wrong node", page, nr);
	*live = (struct live){ kind, page, nr, attr.flags & FIXHEAP_ZERO };
	m->nr_live++;
	return claim(m, page, nr, live->zero, m->next_mark++);
}

static void drop(struct model *m, struct live *live)
{
	*live = m->live[--m->nr_live];
}

/* Free all of an allocation; of pages also a part of it. */
static bool op_free(struct model *m)
{
	struct live *live, rest;
	size_t from, nr;

	if (!m->nr_live)
		return true;
	live = &m->live[pick(m->source, m->nr_live)];
	if (!intact(m, live->page, live->nr))
		return false;
	if (live->kind == ARRAY) {
		fixheap_array_free(m->heap, at(m, live->page));
		give(m, live->page, live->nr);
		drop(m, live);
		return true;
	}
	from = pick(m->source, 2) ? pick(m->source, (uint32_t)live->nr) : 0;
	nr = live->nr - from;
	nr = pick(m->source, 2) ? 1 + pick(m->source, (uint32_t)nr) : nr;
	if (m->nr_live == MAX_RUNS)
		from = 0, nr = live->nr;
	rest = *live;
	rest.page += from + nr;
	rest.nr -= from + nr;
	fixheap_pages_free(m->heap, at(m, live->page + from), nr);
	give(m, live->page + from, nr);
	live->nr = from;
	if (!from)
		drop(m, live);
	if (rest.nr)
		m->live[m->nr_live++] = rest;
	return true;
}

/* The pages behind an array are free, in its zone, as far as it must grow. */
static bool can_grow(const struct model *m, const struct live *live, size_t nr)
{
	for (size_t i = live->page + live->nr; i < live->page + nr; i++) {
		if (i >= m->nr_pages || m->owner[i] ||
		    m->node[i] != m->node[live->page])
			return false;
	}
	return true;
}

static bool op_resize(struct model *m)
{
	struct live *live;
	uint32_t mark;
	size_t nr;
	int ret;

	if (!m->nr_live)
		return true;
	live = &m->live[pick(m->source, m->nr_live)];
	if (live->kind != ARRAY)
		return true;
	nr = pick(m->source, 2) ? 1 + pick(m->source, (uint32_t)live->nr)
				: live->nr + pick_pages(m);
	mark = m->owner[live->page];
	ret = fixheap_array_resize(m->heap, at(m, live->page),
				   nr * m->page_bytes);
	if (ret)
		return ret == -ENOMEM && !can_grow(m, live, nr)
			       ? true
			       : fail(m, "resize refused", live->page, nr);
	if (nr < live->nr)
		give(m, live->page + nr, live->nr - nr);
	else if (!claim(m, live->page + live->nr, nr - live->nr, live->zero,
			mark))
		return false;
	live->nr = nr;
	return intact(m, live->page, nr);
}

static bool op_realloc(struct model *m)
{
	size_t nr, page, keep;
	struct live *live;
	uint32_t mark;
	void *moved;

	if (!m->nr_live)
		return true;
	live = &m->live[pick(m->source, m->nr_live)];
	if (live->kind != ARRAY)
		return true;
	nr = pick_pages(m);
	mark = m->owner[live->page];
	keep = nr < live->nr ? nr : live->nr;
	moved = fixheap_array_realloc(m->heap, at(m, live->page),
				      nr * m->page_bytes);
	if (!moved)
		return !can_grow(m, live, nr) && largest(m, ~0ull, 1) < nr
			       ? true
			       : fail(m, "realloc refused", live->page, nr);
	page = (size_t)((char *)moved - m->base) / m->page_bytes;
	give(m, live->page, live->nr);
	for (size_t i = 0; i < keep; i++) {
		uint64_t *words = (uint64_t *)at(m, page + i);

		if (words[0] != mark)
			return fail(m, "realloc lost contents", page, i);
		words[m->page_bytes / 8 - 1] = page + i;
	}
	for (size_t i = page; i < page + keep; i++) {
		if (m->owner[i])
			return fail(m, "realloc took used pages", i, nr);
		m->owner[i] = mark;
	}
	live->page = page;
	live->nr = nr;
	return claim(m, page + keep, nr - keep, live->zero, mark);
}

static bool op_largest(struct model *m)
{
	struct fixheap_array_attr attr;
	size_t have, want, align;
	uint64_t nodes;

	pick_attr(m, &attr);
	nodes = attr.policy == FIXHEAP_POLICY_BIND ? attr.nodes : ~0ull;
	align = attr.alignment ? attr.alignment / m->page_bytes : 1;
	have = fixheap_largest_free(m->heap, &attr) / m->page_bytes;
	want = largest(m, nodes, align);
	return have == want || fail(m, "largest_free", have, want);
}

static bool step(struct model *m)
{
	host_sim_set_cpu(pick(m->source, 4));
	switch (pick(m->source, 16)) {
	case 0:
	case 1:
	case 2:
		return op_alloc(m, PAGES);
	case 3:
	case 4:
		return op_alloc(m, ARRAY);
	case 5:
	case 6:
		return op_resize(m);
	case 7:
		return op_realloc(m);
	case 8:
		return op_largest(m);
	case 9:
		fixheap_reclaim(m->heap);
		return true;
	default:
		return op_free(m);
	}
}

/* A walk tells the zone of each page: ranges never cross its border. */
static void fill_nodes(struct model *m, const struct topology *topo)
{
	size_t first = (uintptr_t)m->base / m->page_bytes % 512;
	size_t blocks = (first + m->nr_pages + 511) / 512;

	for (size_t i = 0; i < m->nr_pages; i++) {
		size_t block = (first + i) / 512;
		uint32_t node = 0;

		while (block >= blocks * (node + 1) / topo->nr_nodes)
			node++;
		m->node[i] = (uint8_t)node;
	}
}

static void no_fault(void *data, const struct fixheap_fault *fault)
{
	struct model *m = data;

	fail(m, fault->what, (size_t)fault->pfn, 0);
}

static void run(struct model *m)
{
	unsigned long i;

	for (i = 1; i <= m->options->nr_ops && !m->error[0]; i++) {
		if (m->source->bytes && !m->source->nr_bytes)
			break;
		if (!step(m))
			break;
		if (i % m->options->validate_every == 0 &&
		    fixheap_validate(m->heap))
			fail(m, "fixheap_validate", 0, 0);
	}
	while (m->nr_live && !m->error[0])
		op_free(m);
	if (!m->error[0] &&
	    fixheap_largest_free(m->heap, NULL) / m->page_bytes !=
		    largest(m, ~0ull, 1))
		fail(m, "not all came back", 0, 0);
	if (!m->error[0] && fixheap_validate(m->heap))
		fail(m, "fixheap_validate at the end", 0, 0);
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
	struct topology topo;
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
	if (host_sim_describe(text) || host_topology(&topo))
		return "the simulated host refused";
	memory = mmap(NULL, bytes + 2 * align, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return "no memory for the test";
	config.base =
		(char *)(((uintptr_t)memory + align) & -align) + options->skew;
	config.length = bytes;
	config.flags = FIXHEAP_ZEROED | FIXHEAP_PINNED;
	config.fault = no_fault;
	config.fault_data = &m;
	m.base = (char *)(((uintptr_t)config.base + m.page_bytes - 1) &
			  -m.page_bytes);
	m.nr_pages =
		(size_t)((char *)config.base + bytes - m.base) / m.page_bytes;
	m.owner = calloc(m.nr_pages, sizeof(m.owner[0]));
	m.node = calloc(m.nr_pages, 1);
	fill_nodes(&m, &topo);
	if (fixheap_create(&config, &m.heap))
		fail(&m, "fixheap_create", 0, 0);
	else
		run(&m);
	fixheap_destroy(m.heap);
	munmap(memory, bytes + 2 * align);
	free(m.owner);
	free(m.node);
	memcpy(error, m.error, sizeof(error));
	return error[0] ? error : NULL;
}
