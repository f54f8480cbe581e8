/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oracle.c: what the model test knows of a heap, page by page.
 *
 * Arrays and page runs are known from the calls that made them: an entry for
 * each page says which allocation it belongs to.  Pages of objects are a
 * matter of the library, so they are taken from fixheap_walk; that they are
 * right is seen from the objects' contents.
 */
#include "oracle.h"

#include <stdio.h>
#include <string.h>

bool model_fail(struct model *m, const char *what, size_t page, size_t nr)
{
	if (!m->error[0])
		snprintf(m->error, sizeof(m->error), "%s (page %zu, %zu)", what,
			 page, nr);
	return false;
}

/* As many bytes of the source as the number needs. */
static uint32_t pick_bytes(struct source *source, uint32_t below)
{
	uint64_t value = 0;

	for (int i = 0; i < 3 && source->nr_bytes; i++) {
		value = value << 8 | *source->bytes++;
		source->nr_bytes--;
		if (below <= 1u << (8 * i + 8))
			break;
	}
	return (uint32_t)(value % below);
}

uint32_t model_pick(struct model *m, uint32_t below)
{
	struct source *source = m->source;

	if (source->bytes)
		return pick_bytes(source, below);
	source->seed ^= source->seed << 13;
	source->seed ^= source->seed >> 7;
	source->seed ^= source->seed << 17;
	return (uint32_t)((source->seed * 0x2545f4914f6cdd1dull >> 32) % below);
}

void *oracle_at(const struct model *m, size_t page)
{
	return m->base + page * m->page_bytes;
}

size_t oracle_page(const struct model *m, const void *address)
{
	return (size_t)((const char *)address - m->base) / m->page_bytes;
}

/* Nobody's, as far as the last walk has seen. */
static bool is_free(const struct model *m, size_t page)
{
	return !m->owner[page] && (m->use[page] == FIXHEAP_USE_FREE ||
				   m->use[page] == FIXHEAP_USE_CACHED);
}

struct walk {
	struct model *m;
	size_t next;	/* page that must come */
	size_t nr_used; /* pages in use so far */
};

/* All pages of the range belong to who the oracle says. */
static bool check_range(struct model *m, size_t page, size_t nr,
			enum fixheap_use use)
{
	bool mine = use == FIXHEAP_USE_ARRAY || use == FIXHEAP_USE_PAGES;

	for (size_t i = page; i < page + nr; i++) {
		if (mine != (m->owner[i] != 0))
			return model_fail(m, "walk tells another use", i, use);
		if (mine && m->owner[i] != m->owner[page])
			return model_fail(m, "walk joins two runs", i, use);
		m->use[i] = (uint8_t)use;
	}
	/* runs end where they end; page runs may have been cut in pieces */
	if (use == FIXHEAP_USE_ARRAY && page + nr < m->nr_pages &&
	    m->owner[page + nr] == m->owner[page])
		return model_fail(m, "walk ends an array early", page, nr);
	return true;
}

static int note(void *data, const void *start, size_t bytes,
		enum fixheap_use use)
{
	struct walk *walk = data;
	struct model *m = walk->m;
	size_t page = oracle_page(m, start), nr = bytes / m->page_bytes;

	if (page != walk->next || !nr || page + nr > m->nr_pages)
		return !model_fail(m, "walk goes astray", page, nr);
	walk->next = page + nr;
	if (use != FIXHEAP_USE_FREE)
		walk->nr_used += nr;
	return !check_range(m, page, nr, use);
}

static bool walk_all(struct model *m, struct walk *walk)
{
	*walk = (struct walk){ .m = m };
	if (fixheap_walk(m->heap, note, walk))
		return model_fail(m, "walk", walk->next, 0);
	return walk->next == m->nr_pages ||
	       model_fail(m, "walk ends early", walk->next, 0);
}

bool oracle_walk(struct model *m)
{
	struct walk walk;

	return walk_all(m, &walk);
}

bool oracle_used(struct model *m)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };
	struct walk walk;

	fixheap_reclaim(m->heap);
	if (!walk_all(m, &walk))
		return false;
	if (fixheap_stats(m->heap, &stats))
		return model_fail(m, "fixheap_stats", 0, 0);
	if (stats.cached_bytes)
		return model_fail(m, "cached after reclaim", 0,
				  stats.cached_bytes);
	return stats.used_bytes == walk.nr_used * m->page_bytes ||
	       model_fail(m, "used_bytes", walk.nr_used, stats.used_bytes);
}

size_t oracle_largest(const struct model *m, uint64_t nodes, size_t align)
{
	size_t best = 0, page = 0;

	while (page < m->nr_pages) {
		size_t start = page, end = page;

		while (end < m->nr_pages && is_free(m, end) &&
		       nodes >> m->node[end] & 1)
			end++;
		while (start < end &&
		       (uintptr_t)oracle_at(m, start) / m->page_bytes % align)
			start++;
		if (end - start > best)
			best = end - start;
		page = end + 1;
	}
	return best;
}

bool oracle_can_grow(const struct model *m, const struct live *live,
		     size_t wanted)
{
	if (live->stuck && wanted > live->nr)
		return false;
	for (size_t i = live->page + live->nr; i < live->page + wanted; i++) {
		if (i >= m->nr_pages || !is_free(m, i) ||
		    !(live->nodes >> m->node[i] & 1) ||
		    (live->policy == FIXHEAP_POLICY_BIND &&
		     !(live->wanted >> m->node[i] & 1)))
			return false;
	}
	return true;
}

bool oracle_claim(struct model *m, const struct live *part, uint32_t mark)
{
	size_t nr_words = m->page_bytes / sizeof(uint64_t);

	for (size_t i = part->page; i < part->page + part->nr; i++) {
		uint64_t *words = oracle_at(m, i);

		if (m->owner[i])
			return model_fail(m, "handed out twice", i, part->nr);
		m->owner[i] = mark;
		for (size_t w = 0; part->zero && w < nr_words; w += 37) {
			if (words[w])
				return model_fail(m, "not zero", i, part->nr);
		}
		words[0] = words[37] = words[74] = mark;
		words[nr_words - 1] = i;
	}
	return true;
}

void oracle_give(struct model *m, size_t page, size_t nr)
{
	memset(&m->owner[page], 0, nr * sizeof(m->owner[0]));
	memset(&m->use[page], FIXHEAP_USE_FREE, nr);
}

static bool object_intact(struct model *m, const struct live *live)
{
	for (size_t i = 0; i < live->bytes; i++) {
		if (live->object[i] != live->fill)
			return model_fail(m, "object lost",
					  oracle_page(m, live->object), i);
	}
	return true;
}

bool oracle_intact(struct model *m, const struct live *live)
{
	size_t last = m->page_bytes / sizeof(uint64_t) - 1;

	if (live->kind == OBJECT)
		return object_intact(m, live);
	for (size_t i = live->page; i < live->page + live->nr; i++) {
		const uint64_t *words = oracle_at(m, i);

		if (words[0] != m->owner[i] || words[last] != i)
			return model_fail(m, "contents lost", i, live->nr);
	}
	return true;
}
