/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * print.c: a heap as text, in the manner of the kernel's files.
 *
 * Text goes to a file descriptor through a small buffer on the stack, so that
 * it can be asked for when there is no memory; pieces of it are never cut.
 *
 * Which text is asked for by the name that the kernel's file has: it can be
 * handed on from a command line, and one more needs no new number.
 *
 * Locking: none of its own; the buffer is never written out with a lock held.
 * Cost: a system call for each PRINT_BYTES.
 */
#include "print.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int print_flush(struct printer *p)
{
	if (p->fd == PRINT_STDERR)
		host_print(p->text, p->nr);
	else if (p->nr && !p->err)
		p->err = host_write(p->fd, p->text, p->nr);
	p->nr = 0;
	return p->err;
}

/* Behind what is in the buffer; false: there is no room. */
__attribute__((format(printf, 2, 0))) static bool
append(struct printer *p, const char *format, va_list args)
{
	size_t room = sizeof(p->text) - p->nr;
	int n = vsnprintf(p->text + p->nr, room, format, args);

	if (n < 0 || (size_t)n >= room)
		return false;
	p->nr += (u32)n;
	return true;
}

void print_text(struct printer *p, const char *format, ...)
{
	va_list args;
	bool done;

	va_start(args, format);
	done = append(p, format, args);
	va_end(args);
	if (done)
		return;
	print_flush(p);
	va_start(args, format);
	append(p, format, args);
	va_end(args);
}

int print_node(const struct fixheap *heap, const struct zone *zone)
{
	const struct node *node = &heap->node[zone->node];

	if (node->kind == NODE_REAL)
		return heap->topo.number[node->id];
	return node->kind == NODE_STRIPED ? FIXHEAP_NODE_STRIPED
					  : FIXHEAP_NODE_MIXED;
}

const struct zone *print_zone_next(const struct fixheap *heap,
				   const struct zone *zone)
{
	u32 z = zone ? zone->index + 1 : 0;

	while (z < heap->nr_zones &&
	       !__atomic_load_n(&heap->zone[z].nr_pages, __ATOMIC_RELAXED))
		z++;
	return z < heap->nr_zones ? &heap->zone[z] : NULL;
}

u32 print_orders(const struct fixheap *heap)
{
	return 64 - (u32)__builtin_clzll(heap->max_pages);
}

const char *print_use(enum fixheap_use use)
{
	static const char name[][12] = {
		[FIXHEAP_USE_FREE] = "free",
		[FIXHEAP_USE_SMALL] = "small",
		[FIXHEAP_USE_LARGE] = "large",
		[FIXHEAP_USE_ARRAY] = "array",
		[FIXHEAP_USE_PAGES] = "pages",
		[FIXHEAP_USE_CACHED] = "cached",
		[FIXHEAP_USE_RESERVED] = "reserved",
	};

	return name[use];
}

/* false: there is no such text. */
static bool print(struct printer *p, const char *what)
{
	if (!strcmp(what, "buddyinfo"))
		print_buddyinfo(p);
	else if (!strcmp(what, "zoneinfo"))
		print_zoneinfo(p);
	else if (!strcmp(what, "pagetypeinfo"))
		print_pagetypeinfo(p);
	else if (!strcmp(what, "vmstat"))
		print_vmstat(p);
	else if (!strcmp(what, "slabinfo"))
		print_slabinfo(p);
	else if (!strcmp(what, "numa_maps"))
		print_numa_maps(p);
	else if (!strcmp(what, "map"))
		print_map(p);
	else if (!strcmp(what, "prometheus"))
		print_prometheus(p);
	else
		return false;
	return true;
}

int fixheap_print(struct fixheap *heap, int fd, const char *what)
{
	struct printer p = { .heap = heap, .fd = fd };

	if (fd < 0)
		return -EBADF;
	return what && print(&p, what) ? print_flush(&p) : -EINVAL;
}
