/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ops.c: the operations of the model test.  Each makes one call and compares
 * what it says with the oracle.
 */
#include "oracle.h"

#include <errno.h>
#include <string.h>

#include "sim/host_sim.h"

/* A length: often small, sometimes about a block or a good part of all. */
static size_t pick_pages(struct model *m)
{
	switch (model_pick(m, 8)) {
	case 0:
	case 1:
	case 2:
		return 1;
	case 3:
		return 1 + model_pick(m, 8);
	case 4:
		return 1 + model_pick(m, 100);
	case 5:
		return 500 + model_pick(m, 30);
	case 6:
		return 1 + model_pick(m, 1500);
	default:
		return 1 + model_pick(m, (uint32_t)m->nr_pages);
	}
}

/* Where a request may go, as the oracle understands its attribute. */
struct where {
	uint64_t nodes;
	size_t align; /* pages */
};

/* Two nodes, or neighbours; rarely all. */
static uint64_t pick_nodes(struct model *m, uint32_t nr_nodes)
{
	uint32_t a = model_pick(m, nr_nodes), b = model_pick(m, nr_nodes);
	uint64_t nodes = 1ull << a | 1ull << b;

	if (model_pick(m, 2))
		return nodes;
	for (; a < b; a++)
		nodes |= 1ull << a;
	return nodes;
}

static struct where pick_attr(struct model *m, struct fixheap_array_attr *attr,
			      struct live *live)
{
	uint32_t nr_nodes = m->options->nr_nodes;
	struct where where = { ~0ull, 1 };

	*live = (struct live){ .kind = live->kind };

	*attr = (struct fixheap_array_attr)FIXHEAP_ARRAY_ATTR_INIT;
	if (!model_pick(m, 3))
		attr->flags = FIXHEAP_ZERO;
	if (!model_pick(m, 4)) {
		where.align = (size_t)1 << model_pick(m, 13);
		attr->alignment = m->page_bytes * where.align;
	}
	if (nr_nodes == 1 || model_pick(m, 3))
		return where;
	attr->nodes = pick_nodes(m, nr_nodes);
	if (m->options->bound && live->kind == ARRAY) {
		nodes_pick(m, attr, live);
		return where;
	}
	/* nodes of which the heap has nothing are refused as such */
	if (attr->nodes & m->nodes)
		attr->policy = FIXHEAP_POLICY_LOCAL + model_pick(m, 3);
	if (attr->policy == FIXHEAP_POLICY_BIND)
		where.nodes = attr->nodes;
	return where;
}

/* Small, about the largest small one, or pages. */
static size_t pick_bytes(struct model *m)
{
	switch (model_pick(m, 8)) {
	case 0:
		return 14200 + model_pick(m, 300);
	case 1:
		return model_pick(m, 40) * m->page_bytes + model_pick(m, 9);
	case 2:
		return model_pick(m, 1u << 15);
	default:
		return model_pick(m, 300);
	}
}

static struct live *pick_live(struct model *m, enum kind kind)
{
	struct live *live;

	if (!m->nr_live)
		return NULL;
	live = &m->live[model_pick(m, m->nr_live)];
	return live->kind == kind ? live : NULL;
}

static void drop(struct model *m, struct live *live)
{
	*live = m->live[--m->nr_live];
}

/* ---- pages and arrays ---------------------------------------------------- */

static bool placed(struct model *m, const void *start, size_t nr,
		   const struct where *where)
{
	size_t page = oracle_page(m, start);

	if (page + nr > m->nr_pages || (uintptr_t)start % m->page_bytes)
		return model_fail(m, "outside of the heap", page, nr);
	if ((uintptr_t)start / m->page_bytes % where->align)
		return model_fail(m, "not aligned", page, nr);
	for (size_t i = page; i < page + nr; i++) {
		if (!(where->nodes >> m->node[i] & 1))
			return model_fail(m, "on the wrong node", i, nr);
	}
	return true;
}

/* It was refused: rightly? */
static bool refused(struct model *m, size_t nr, const struct where *where)
{
	size_t fits;

	if (errno != ENOMEM)
		return model_fail(m, "refused for another reason", 0, nr);
	if (!oracle_walk(m))
		return false;
	fits = oracle_largest(m, where->nodes, where->align);
	return fits < nr || model_fail(m, "refused, but it fits", fits, nr);
}

static bool op_alloc(struct model *m, enum kind kind)
{
	struct fixheap_array_attr attr;
	struct live made = { .kind = kind }, *live = &m->live[m->nr_live];
	size_t nr = pick_pages(m), alignment = 0;
	struct where where = pick_attr(m, &attr, &made);
	void *start;

	if (m->nr_live == MAX_LIVE)
		return true;
	errno = 0;
	if (kind == PAGES) {
		if (model_pick(m, 2)) {
			alignment = attr.alignment;
			attr.alignment = 0;
		}
		start = fixheap_pages_alloc(m->heap, nr, alignment, &attr);
	} else {
		start = fixheap_array_alloc(
			m->heap,
			nr * m->page_bytes -
				model_pick(m, (uint32_t)m->page_bytes),
			&attr);
	}
	if (!start)
		return refused(m, nr, &where);
	if (!placed(m, start, nr, &where))
		return false;
	*live = made;
	live->page = oracle_page(m, start);
	live->nr = nr;
	live->nodes = where.nodes;
	live->zero = attr.flags & FIXHEAP_ZERO;
	m->nr_live++;
	nodes_made(m, live);
	return oracle_claim(m, live, m->next_mark++) && nodes_check(m, live);
}

/* Free all of it, or of page runs a part. */
static bool free_pages(struct model *m, struct live *live, bool all)
{
	struct live rest = *live;
	size_t from = 0, nr = live->nr;

	if (!all && m->nr_live < MAX_LIVE) {
		from = model_pick(m, 2) ? model_pick(m, (uint32_t)nr) : 0;
		nr -= from;
		nr = model_pick(m, 2) ? 1 + model_pick(m, (uint32_t)nr) : nr;
	}
	rest.page += from + nr;
	rest.nr -= from + nr;
	fixheap_pages_free(m->heap, oracle_at(m, live->page + from), nr);
	oracle_give(m, live->page + from, nr);
	live->nr = from;
	if (!from)
		drop(m, live);
	if (rest.nr)
		m->live[m->nr_live++] = rest;
	return true;
}

bool model_free_any(struct model *m, bool all)
{
	struct live *live;

	if (!m->nr_live)
		return true;
	live = &m->live[model_pick(m, m->nr_live)];
	if (!oracle_intact(m, live))
		return false;
	/* An array is pages too, but only the whole of it can be freed. */
	if (live->kind == PAGES || (live->kind == ARRAY && model_pick(m, 2)))
		return free_pages(m, live, all || live->kind == ARRAY);
	if (live->kind == ARRAY) {
		fixheap_array_free(m->heap, oracle_at(m, live->page));
		oracle_give(m, live->page, live->nr);
	} else {
		fixheap_free(m->heap, live->object);
	}
	drop(m, live);
	return true;
}

static bool op_resize(struct model *m)
{
	struct live *live = pick_live(m, ARRAY), part;
	uint32_t mark;
	size_t nr;
	int ret;

	if (!live)
		return true;
	nr = model_pick(m, 2) ? 1 + model_pick(m, (uint32_t)live->nr)
			      : live->nr + pick_pages(m);
	mark = m->owner[live->page];
	ret = fixheap_array_resize(m->heap, oracle_at(m, live->page),
				   nr * m->page_bytes);
	if (ret)
		return oracle_walk(m) && ret == -ENOMEM &&
				       !oracle_can_grow(m, live, nr)
			       ? true
			       : model_fail(m, "resize refused", live->page,
					    nr);
	part = *live;
	part.page = live->page + (nr < live->nr ? nr : live->nr);
	part.nr = nr < live->nr ? live->nr - nr : nr - live->nr;
	if (nr < live->nr)
		oracle_give(m, part.page, part.nr);
	else if (!oracle_claim(m, &part, mark))
		return false;
	live->nr = nr;
	return oracle_intact(m, live) && nodes_check(m, live);
}

/* The array has moved to page: its marks with it. */
static bool move(struct model *m, struct live *live, size_t page, size_t keep)
{
	size_t last = m->page_bytes / sizeof(uint64_t) - 1;
	uint32_t mark = m->owner[live->page];

	oracle_give(m, live->page, live->nr);
	for (size_t i = page; i < page + keep; i++) {
		uint64_t *words = oracle_at(m, i);

		if (words[0] != mark || words[last] != i - page + live->page)
			return model_fail(m, "realloc lost contents", i, keep);
		if (m->owner[i])
			return model_fail(m, "realloc took used pages", i,
					  keep);
		m->owner[i] = mark;
		words[last] = i;
	}
	live->page = page;
	return true;
}

static bool op_realloc(struct model *m)
{
	struct live *live = pick_live(m, ARRAY), part;
	struct where where = { ~0ull, 1 };
	size_t nr, keep;
	uint32_t mark;
	void *moved;
	bool stays;

	if (!live)
		return true;
	nr = pick_pages(m);
	where.nodes = live->nodes;
	mark = m->owner[live->page];
	keep = nr < live->nr ? nr : live->nr;
	errno = 0;
	moved = fixheap_array_realloc(m->heap, oracle_at(m, live->page),
				      nr * m->page_bytes);
	if (!moved)
		return refused(m, nr, &where) &&
		       (!oracle_can_grow(m, live, nr) ||
			model_fail(m, "realloc refused", live->page, nr));
	stays = moved == oracle_at(m, live->page);
	if (!placed(m, moved, nr, &where) ||
	    !move(m, live, oracle_page(m, moved), keep))
		return false;
	part = *live;
	part.page += keep;
	part.nr = nr - keep;
	live->nr = nr;
	if (!stays)
		nodes_made(m, live);
	return oracle_claim(m, &part, mark) && nodes_check(m, live);
}

/* ---- objects ------------------------------------------------------------- */

/* A small one needs a page; a large one, or one aligned beyond a page, a run
 * of them. */
static bool object_refused(struct model *m, size_t bytes, size_t alignment)
{
	struct where where = { ~0ull, 1 };
	size_t nr = (bytes + m->page_bytes - 1) / m->page_bytes;

	if (alignment > m->page_bytes)
		where.align = alignment / m->page_bytes;
	return refused(m, nr ? nr : 1, &where);
}

static bool fill(struct model *m, struct live *live)
{
	size_t usable = fixheap_usable_size(m->heap, live->object);

	if (!fixheap_owns(m->heap, live->object))
		return model_fail(m, "an object outside", 0, live->bytes);
	if (usable < live->bytes)
		return model_fail(m, "usable_size", usable, live->bytes);
	live->fill = (unsigned char)(m->next_mark++ % 255 + 1);
	memset(live->object, live->fill, live->bytes);
	return true;
}

static bool op_object(struct model *m)
{
	struct live *live = &m->live[m->nr_live];
	size_t bytes = pick_bytes(m), alignment = 1;
	unsigned how = model_pick(m, 4);
	unsigned char *object;

	if (m->nr_live == MAX_LIVE)
		return true;
	errno = 0;
	if (how == 0)
		alignment = (size_t)1 << model_pick(m, 16);
	if (how == 0)
		object = fixheap_aligned_alloc(m->heap, alignment, bytes);
	else if (how == 1)
		object = fixheap_calloc(m->heap, 1, bytes);
	else
		object = fixheap_malloc(m->heap, bytes);
	if (!object)
		return object_refused(m, bytes, alignment);
	if ((uintptr_t)object % alignment)
		return model_fail(m, "object not aligned", 0, alignment);
	for (size_t i = 0; how == 1 && i < bytes; i++) {
		if (object[i])
			return model_fail(m, "calloc lies", i, bytes);
	}
	*live = (struct live){ .kind = OBJECT,
			       .object = object,
			       .bytes = bytes };
	m->nr_live++;
	return fill(m, live);
}

static bool op_object_realloc(struct model *m)
{
	struct live *live = pick_live(m, OBJECT), old;
	unsigned char *object;
	size_t bytes;

	if (!live || !oracle_intact(m, live))
		return !m->error[0];
	bytes = 1 + pick_bytes(m);
	errno = 0;
	object = fixheap_realloc(m->heap, live->object, bytes);
	if (!object)
		return object_refused(m, bytes, 1) && oracle_intact(m, live);
	old = *live;
	old.object = object;
	old.bytes = bytes < old.bytes ? bytes : old.bytes;
	live->object = object;
	live->bytes = bytes;
	return oracle_intact(m, &old) && fill(m, live);
}

/* ---- questions and mistakes ---------------------------------------------- */

static bool op_largest(struct model *m)
{
	struct fixheap_array_attr attr;
	struct live like = { .kind = ARRAY };
	struct where where = pick_attr(m, &attr, &like);
	size_t have, want;

	have = fixheap_largest_free(m->heap, &attr) / m->page_bytes;
	if (!oracle_walk(m))
		return false;
	want = oracle_largest(m, where.nodes, where.align);
	return have == want || model_fail(m, "largest_free", have, want);
}

/* Something that must be found, and change nothing. */
static void make_mistake(struct model *m, const struct live *live)
{
	char *start = oracle_at(m, live->page);

	switch (model_pick(m, 5)) {
	case 0:
		fixheap_pages_free(m->heap, start + 8, 1);
		break;
	case 1:
		fixheap_pages_free(m->heap, start, m->nr_pages + 1);
		break;
	case 2:
		fixheap_array_free(m->heap, start - 1);
		break;
	case 3:
		if (live->kind == ARRAY)
			fixheap_pages_free(m->heap, start, live->nr + 1);
		else
			fixheap_array_free(m->heap, start);
		break;
	default:
		if (live->kind == ARRAY && live->nr > 1)
			start += m->page_bytes;
		else
			start = (char *)m;
		if (fixheap_array_resize(m->heap, start, 1) != -EINVAL)
			model_fail(m, "a mistake succeeds", live->page, 0);
	}
}

/* Any page that is nobody's, freed once more; or something that is. */
static bool op_mistake(struct model *m)
{
	size_t page = model_pick(m, (uint32_t)m->nr_pages);
	struct live live = { .kind = PAGES, .page = page, .nr = 1 };

	if (m->nr_live && model_pick(m, 2))
		live = m->live[model_pick(m, m->nr_live)];
	else if (m->owner[page])
		return true;
	if (live.kind == OBJECT)
		return true;
	m->mistake = true;
	m->nr_faults = 0;
	if (m->owner[live.page])
		make_mistake(m, &live);
	else
		fixheap_pages_free(m->heap, oracle_at(m, live.page), 1);
	m->mistake = false;
	return m->nr_faults == 1 ||
	       model_fail(m, "faults for a mistake", live.page, m->nr_faults);
}

bool model_step(struct model *m)
{
	host_sim_set_cpu(model_pick(m, 4));
	switch (model_pick(m, 20)) {
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
		return oracle_used(m);
	case 10:
		return op_mistake(m);
	case 11:
	case 12:
		return op_object(m);
	case 13:
		return op_object_realloc(m);
	default:
		return model_free_any(m, false);
	}
}
