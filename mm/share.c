/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * share.c: metadata in a file that other processes can read.
 *
 * All metadata of a heap with FIXHEAP_SHARE lies in a file of the host, behind
 * a header that says where the numbers are that a reader wants; the library
 * itself works on it as on any other memory, and pays nothing for being read.
 *
 *   struct fixheap_segment, nodes of zones | struct fixheap, as in heap.c
 *
 * fork: memory of a file is not copied for the child, which would go on writing
 * in its parent's metadata.  So the parent makes the copy, with all locks of
 * its heaps held and right before it forks; the child puts it in the place of
 * the file first of all.  The copy is a file, too, so that the child can be
 * looked at, or private memory where the host cannot make one.  (Were it the
 * child that copies, the parent could not go on before it has, and would wait
 * for ever for a child that was killed.)
 *
 * The list of such heaps is a writable global, like the one in registry.c, as
 * exit and fork must find them; it lies outside of the files, so that a child
 * can read it while the parent goes on.
 *
 * Invariants
 *  1. magic is written last: who sees it sees a whole header.
 *  2. The header does not change afterwards.
 *  3. The file has a name until share_hide, and only the process that made it
 *     takes it away.
 *  4. The copy for a child has no magic before it is the child's.
 *
 * Locking: `lock` guards the list; it comes after all locks of heaps.  Cost: at
 * creation some system calls.  fork: copies all metadata that was touched, 0.2
 * % of the part of the heap that was ever in use.
 */
#include "share.h"

#include <errno.h>

#include <fixheap/segment.h>

#include "heap.h"
#include "je.h"
#include "ranges.h"
#include "shortage.h"
#include "size_class.h"
#include "tag.h"

/* Of a u128, which half comes first. */
#define HIGH_FIRST (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

struct share {
	struct host_share file;	     /* (C) */
	struct fixheap *heap;	     /* (C) NULL: not open yet */
	size_t bytes;		     /* (C) of the file */
	void *copy;		     /* for a child, */
	struct host_share next_file; /* and its file */
	u32 hidden;		     /* (A) 1: it is not to be seen */
	struct share *next;	     /* the list */
};

/* What lies in front of the heap. */
struct header {
	struct fixheap_segment segment;
	u32 zone_node[ZONES_MAX], place_node[PLACES_MAX];
	u32 object_bytes[NR_SIZE_CLASSES + 1], slab_bytes[NR_SIZE_CLASSES + 1];
};
_Static_assert(sizeof(struct header) <= SHARE_BYTES, "room in front");

static spinlock_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct share *first;
static bool exit_guarded;

static void share_hide(struct share *share)
{
	/* a child of vfork would leave its parent the mark, and the name */
	if (host_share_is_own(&share->file) &&
	    !__atomic_exchange_n(&share->hidden, 1, __ATOMIC_RELAXED))
		host_share_end(&share->file);
}

/* The program exits: whoever wants to read now comes too late. */
static void hide_all(void)
{
	if (!spin_trylock(&lock))
		return;
	for (struct share *share = first; share; share = share->next)
		share_hide(share);
	spin_unlock(&lock);
}

void *share_reserve(size_t bytes, struct share **result)
{
	struct share *share = host_reserve(sizeof(*share));
	char *start;
	int err;

	if (!share)
		return NULL;
	share->bytes = bytes + SHARE_BYTES;
	start = host_share(share->bytes, &share->file);
	if (!start) {
		err = errno;
		host_release(share, sizeof(*share));
		errno = err;
		return NULL;
	}
	*result = share;
	return start + SHARE_BYTES;
}

static struct header *header_of(struct fixheap *heap)
{
	return (struct header *)((char *)heap - SHARE_BYTES);
}

/* nr numbers of this width, the first one at `at`. */
static struct fixheap_segment_column
column(struct fixheap *heap, const void *at, u64 nr, size_t stride, u32 width)
{
	return (struct fixheap_segment_column){
		.at = (u64)((const char *)at - (const char *)header_of(heap)),
		.nr = nr,
		.stride = (u32)stride,
		.width = width,
	};
}

static void describe_counters(struct fixheap *heap,
			      struct fixheap_segment_column *col)
{
	const struct {
		u32 id;
		const void *at;
	} counters[] = {
		{ FIXHEAP_SEGMENT_HEAP, &heap->nr_pages },
		{ FIXHEAP_SEGMENT_USED, &heap->used },
		{ FIXHEAP_SEGMENT_PEAK_USED, &heap->peak_used },
		{ FIXHEAP_SEGMENT_HELD, &heap->reserved },
		{ FIXHEAP_SEGMENT_LIVE, &heap->live_bytes },
		{ FIXHEAP_SEGMENT_PEAK_LIVE, &heap->peak_live },
		{ FIXHEAP_SEGMENT_ALLOCS, &heap->region.nr_allocs },
		{ FIXHEAP_SEGMENT_FREES, &heap->region.nr_frees },
		{ FIXHEAP_SEGMENT_CLEARED, &heap->region.cleared },
		{ FIXHEAP_SEGMENT_FAILS, &heap->nr_fails },
		{ FIXHEAP_SEGMENT_RECLAIMS, &heap->nr_reclaims },
		{ FIXHEAP_SEGMENT_ARRAYS, &heap->region.nr_stamps },
		{ FIXHEAP_SEGMENT_REHOMES, &heap->nr_rehomed },
		{ FIXHEAP_SEGMENT_REHOMED, &heap->rehomed_pages },
		{ FIXHEAP_SEGMENT_METADATA, &heap->meta_bytes },
	};

	for (u32 i = 0; i < ARRAY_LEN(counters); i++)
		col[counters[i].id] =
			column(heap, counters[i].at, 1, sizeof(u64), 8);
	if (IS_ENABLED(CONFIG_VMSTAT))
		return;
	for (u32 id = FIXHEAP_SEGMENT_LIVE; id <= FIXHEAP_SEGMENT_CLEARED; id++)
		col[id].nr = 0;
}

static void describe_tags(struct fixheap *heap,
			  struct fixheap_segment_column *col)
{
	struct tag_count *tag = heap->tag_count;

	if (!IS_ENABLED(CONFIG_TAGS))
		return;
	col[FIXHEAP_SEGMENT_TAG_PAGES] =
		column(heap, &tag->nr_pages, FIXHEAP_NR_TAGS, sizeof(*tag), 8);
	col[FIXHEAP_SEGMENT_TAG_PEAK] = column(
		heap, &tag->peak_pages, FIXHEAP_NR_TAGS, sizeof(*tag), 8);
	col[FIXHEAP_SEGMENT_TAG_RUNS] =
		column(heap, &tag->nr_runs, FIXHEAP_NR_TAGS, sizeof(*tag), 8);
	col[FIXHEAP_SEGMENT_TAG_OF] =
		column(heap, heap->tag_of, heap->end_pfn, sizeof(u16), 2);
}

/* The kernel's number; ~0: of several nodes, or any. */
static u32 node_number(struct fixheap *heap, const struct node *node)
{
	u32 number;

	if (node->kind != NODE_REAL)
		return ~0u;
	number = (u32)heap_node_number(heap, (int)node->id);
	/* the highest stands for none, as in tools/preload.c */
	return number == NODE_IDS - 1 ? ~0u : number;
}

static void describe_zones(struct fixheap *heap,
			   struct fixheap_segment_column *col)
{
	struct header *header = header_of(heap);
	struct zone *zone = heap->zone;
	const struct {
		u32 id, width;
		const void *at;
	} columns[] = {
		{ FIXHEAP_SEGMENT_ZONE_START, 8, &zone->start_pfn },
		{ FIXHEAP_SEGMENT_ZONE_END, 8, &zone->end_pfn },
		{ FIXHEAP_SEGMENT_ZONE_PAGES, 8, &zone->nr_pages },
		{ FIXHEAP_SEGMENT_ZONE_FREE, 8, &zone->nr_free },
		{ FIXHEAP_SEGMENT_ZONE_SMALL_MIN, 8, &zone->small_reserve },
		{ FIXHEAP_SEGMENT_ZONE_LOCAL_MIN, 8, &zone->local_reserve },
		{ FIXHEAP_SEGMENT_ZONE_BOUND, 1, &zone->bound },
		{ FIXHEAP_SEGMENT_ZONE_PLACE, 4, &zone->node },
	};
	u32 nr = heap->nr_zones;

	for (u32 i = 0; i < ARRAY_LEN(columns); i++)
		col[columns[i].id] = column(heap, columns[i].at, nr,
					    sizeof(*zone), columns[i].width);
	for (u32 z = 0; z < nr; z++)
		header->zone_node[z] =
			node_number(heap, &heap->node[zone[z].node]);
	col[FIXHEAP_SEGMENT_ZONE_NODE] =
		column(heap, header->zone_node, nr, sizeof(u32), 4);
}

static void describe_places(struct fixheap *heap,
			    struct fixheap_segment_column *col)
{
	struct header *header = header_of(heap);
	struct nodeset *set = heap->nodeset;
	const char *low = (const char *)&set->nodes;

	for (u32 n = 0; n < heap->nr_nodes; n++)
		header->place_node[n] = node_number(heap, &heap->node[n]);
	col[FIXHEAP_SEGMENT_PLACE_NODE] = column(
		heap, header->place_node, heap->nr_nodes, sizeof(u32), 4);
	if (IS_ENABLED(CONFIG_RECLAIM))
		col[FIXHEAP_SEGMENT_PLACE_LOW] =
			column(heap, heap->shortage->low, heap->nr_nodes,
			       sizeof(u64), 8);
	col[FIXHEAP_SEGMENT_POLICY_OF] =
		column(heap, heap->policy_of, heap->end_pfn, sizeof(u64), 8);
	col[FIXHEAP_SEGMENT_SET_LOW] = column(heap, low + (HIGH_FIRST ? 8 : 0),
					      NODESETS_MAX, sizeof(*set), 8);
	col[FIXHEAP_SEGMENT_SET_HIGH] = column(heap, low + (HIGH_FIRST ? 0 : 8),
					       NODESETS_MAX, sizeof(*set), 8);
}

static void describe_blocks(struct fixheap *heap,
			    struct fixheap_segment_column *col)
{
	u64 nr = (heap->end_pfn + BLOCK_PAGES - 1) >> BLOCK_SHIFT;
	struct pageblock *block = heap->region.block;
	struct header *header = header_of(heap);

	col[FIXHEAP_SEGMENT_MOVES] = column(
		heap, heap->move_of, nr, sizeof(uintptr_t), sizeof(uintptr_t));
	col[FIXHEAP_SEGMENT_BLOCK_FREE] =
		column(heap, &block->nr_free, nr, sizeof(*block), 2);
	col[FIXHEAP_SEGMENT_BLOCK_PLACEMENT] =
		column(heap, &block->placement, nr, sizeof(*block), 1);
	if (!IS_ENABLED(CONFIG_JEMALLOC))
		return;
	for (u32 i = 1; i <= NR_SIZE_CLASSES; i++) {
		header->object_bytes[i] = size_class[i].size;
		header->slab_bytes[i] =
			size_class_slab(&size_class[i], je_page_shift);
	}
	col[FIXHEAP_SEGMENT_CLASS_OBJECT] = column(heap, header->object_bytes,
						   NR_SIZE_CLASSES + 1,
						   sizeof(u32), 4);
	col[FIXHEAP_SEGMENT_CLASS_SLAB] = column(
		heap, header->slab_bytes, NR_SIZE_CLASSES + 1, sizeof(u32), 4);
}

static void describe(struct fixheap *heap, struct fixheap_segment *segment)
{
	const struct host_share *file = &heap->share->file;
	struct fixheap_segment_column *col = segment->column;
	struct range *range = heap->range;

	segment->version = FIXHEAP_SEGMENT_VERSION;
	segment->page_shift = PAGE_SHIFT;
	segment->bytes = heap->share->bytes;
	segment->image = file->image;
	segment->made_ns = file->made_ns;
	segment->origin = (uintptr_t)heap->origin;
	segment->pid = file->pid;
	segment->nr_columns = FIXHEAP_SEGMENT_NR_COLUMNS;
	memcpy(segment->program, file->program, sizeof(segment->program));
	col[FIXHEAP_SEGMENT_PAGES] =
		column(heap, heap->page, heap->end_pfn, sizeof(u64), 8);
	col[FIXHEAP_SEGMENT_RANGE_START] = column(
		heap, &range->start_pfn, heap->max_ranges, sizeof(*range), 8);
	col[FIXHEAP_SEGMENT_RANGE_END] = column(
		heap, &range->end_pfn, heap->max_ranges, sizeof(*range), 8);
	describe_blocks(heap, col);
	describe_zones(heap, col);
	describe_places(heap, col);
	describe_tags(heap, col);
	describe_counters(heap, col);
}

void share_open(struct fixheap *heap)
{
	struct fixheap_segment *segment = &header_of(heap)->segment;
	struct share *share = heap->share;

	describe(heap, segment);
	__atomic_store_n(&segment->magic, FIXHEAP_SEGMENT_MAGIC,
			 __ATOMIC_RELEASE);
	spin_lock(&lock);
	share->heap = heap;
	share->next = first;
	first = share;
	/* without it the file stays, as that of a program that was killed */
	if (!exit_guarded)
		exit_guarded = !host_at_exit(hide_all);
	spin_unlock(&lock);
}

static void unlist(struct share *share)
{
	struct share **link = &first;

	spin_lock(&lock);
	while (*link && *link != share)
		link = &(*link)->next;
	if (*link)
		*link = share->next;
	spin_unlock(&lock);
}

void share_release(struct fixheap *heap)
{
	size_t bytes = heap->meta_bytes + SHARE_BYTES;
	struct share *share = heap->share;

	if (share) {
		unlist(share);
		share_hide(share);
		host_release(share, sizeof(*share));
	}
	host_release(header_of(heap), bytes);
}

void share_fork_prepare(void)
{
	spin_lock(&lock);
	for (struct share *share = first; share; share = share->next) {
		share->copy = host_share_copy(&share->file,
					      header_of(share->heap),
					      share->bytes, &share->next_file);
	}
}

void share_fork_parent(void)
{
	for (struct share *share = first; share; share = share->next) {
		if (share->copy)
			host_share_drop(&share->next_file, share->copy,
					share->bytes);
		share->copy = NULL;
	}
	spin_unlock(&lock);
}

/* Without a copy there is nothing that the child could do with the heap but
 * spoil that of its parent. */
static void no_copy(void)
{
	static const char text[] = "fixheap: fork: no memory for a copy of the "
				   "metadata\n";

	host_print(text, sizeof(text) - 1);
	host_abort();
}

/* The copy takes the place of the file; false: it is private memory.  What the
 * parent hid stays hidden. */
static bool take_copy(struct share *share)
{
	struct header *header = header_of(share->heap);

	if (!share->copy)
		no_copy();
	host_share_replace(&share->file, header, &share->next_file, share->copy,
			   share->bytes);
	share->copy = NULL;
	header->segment.pid = share->file.pid;
	if (share->hidden)
		host_share_end(&share->file);
	else
		__atomic_store_n(&header->segment.magic, FIXHEAP_SEGMENT_MAGIC,
				 __ATOMIC_RELEASE);
	return share->file.fd >= 0;
}

void share_fork_child(void)
{
	struct share **link = &first;

	while (*link) {
		struct share *share = *link;

		if (take_copy(share)) {
			link = &share->next;
			continue;
		}
		*link = share->next;
		share->heap->share = NULL;
		host_release(share, sizeof(*share));
	}
	spin_unlock(&lock);
}

const char *fixheap_segment_path(const struct fixheap *heap)
{
	return heap->share ? heap->share->file.path : NULL;
}

void fixheap_segment_hide(struct fixheap *heap)
{
	if (heap->share)
		share_hide(heap->share);
}
