/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * support.c: heaps on the simulated host for the unit tests.
 *
 * A test that looks into one layer gets a heap whose zone has given nothing
 * out or everything; it may then take and give pages below the books.  Such a
 * heap is dropped instead of ended, as fixheap_validate would rightly complain.
 */
#include "support.h"

#include <sys/mman.h>

#include "page_alloc.h"
#include "runmap.h"

/*
 * What ThreadSanitizer asks a program.  Its deadlock detector ends the program
 * when a thread holds more than 64 locks, and fixheap_validate holds one for
 * each zone and one for each of its CPUs.
 */
const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
	return "detect_deadlocks=0";
}

void need(bool there, const char *why)
{
	if (there)
		return;
	print_message("skipped: %s\n", why);
	skip();
}

static void record(void *data, const struct fixheap_fault *fault)
{
	struct test_heap *t = data;

	t->nr_faults++;
	t->fault = *fault;
	snprintf(t->api, sizeof(t->api), "%s", fault->api);
	snprintf(t->what, sizeof(t->what), "%s", fault->what);
	snprintf(t->state, sizeof(t->state), "%s", fault->state);
	snprintf(t->message, sizeof(t->message), "%s", fault->message);
}

void heap_make(struct test_heap *t, const struct heap_spec *spec)
{
	struct fixheap_numa layout = FIXHEAP_NUMA_INIT;
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	size_t align = BYTES(8 * BLOCK_PAGES);
	uintptr_t start;

	memset(t, 0, sizeof(*t));
	need(BYTES(spec->nr_pages) <= 1ull << CONFIG_HEAP_SHIFT,
	     "HEAP_SHIFT allows no heap of this size");
	host_sim_reset();
	assert_int_equal(host_sim_describe(spec->machine ?: "1x1"), 0);
	t->bytes = BYTES(spec->nr_pages) + 2 * align;
	t->memory = mmap(NULL, t->bytes,
			 spec->reserved ? PROT_NONE : PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	need(t->memory != MAP_FAILED, "there is not so much address space");
	start = round_up((uintptr_t)t->memory, align) + spec->skew;
	config.base = (void *)start;
	config.length =
		round_up(start, PAGE_BYTES) - start + BYTES(spec->nr_pages);
	need(config.length <= 1ull << CONFIG_HEAP_SHIFT,
	     "HEAP_SHIFT allows no heap of this size");
	config.flags = spec->flags;
	layout.binding = FIXHEAP_BINDING_NONE;
	config.numa = spec->unbound ? &layout : NULL;
	config.fault = record;
	config.fault_data = t;
	/* What the library keeps for the next heap is there after the first. */
	assert_int_equal(fixheap_create(&config, &t->heap), 0);
	heap_warm_pages(t->heap);
	fixheap_destroy(t->heap);
	t->held = host_sim_held();
	assert_int_equal(fixheap_create(&config, &t->heap), 0);
	t->region = &t->heap->region;
	t->zone = &t->heap->zone[0];
	t->base = (char *)round_up(start, PAGE_BYTES);
}

void heap_drop(struct test_heap *t)
{
	fixheap_destroy(t->heap);
	assert_int_equal(host_sim_held(), t->held);
	assert_int_equal(munmap(t->memory, t->bytes), 0);
}

void heap_warm_objects(void)
{
	struct test_heap t;

	heap_make(&t, &(struct heap_spec){ .nr_pages = 100 });
	fixheap_free(t.heap, fixheap_malloc(t.heap, 1));
	fixheap_destroy(t.heap);
	assert_int_equal(munmap(t.memory, t.bytes), 0);
}

void heap_valid(struct test_heap *t)
{
	if (fixheap_validate(t->heap))
		fail_msg("%s", host_sim_output());
}

void heap_end(struct test_heap *t)
{
	heap_valid(t);
	if (t->nr_faults)
		fail_msg("%s", t->message);
	heap_drop(t);
}

void heap_faulted(struct test_heap *t, const char *api, const char *what)
{
	assert_int_equal(t->nr_faults, 1);
	assert_string_equal(t->api, api);
	assert_string_equal(t->what, what);
	t->nr_faults = 0;
}

void heap_is_empty(struct test_heap *t)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	fixheap_reclaim(t->heap);
	assert_int_equal(fixheap_stats(t->heap, &stats), 0);
	assert_int_equal(stats.used_bytes, 0);
	assert_int_equal(stats.cached_bytes, 0);
}

struct run_request run_request_of(enum page_kind kind, u64 nr_pages)
{
	return (struct run_request){ .nr_pages = nr_pages,
				     .align = 1,
				     .kind = kind,
				     .placement = PLACE_ARRAY,
				     .node = NODE_ANY };
}

void heap_place(struct test_heap *t, enum page_kind kind, u64 pfn, u64 nr)
{
	u32 node = zone_of(t->heap, pfn)->node;
	const struct run run = { pfn, nr };

	region_take_locked(t->region, &run, PLACE_MEDIUM);
	runmap_set(t->region, &run, page_make(kind, PLACE_MEDIUM, node));
}

void heap_largest(struct test_heap *t, const struct run_request *like,
		  u64 nr_pages)
{
	struct run_request req = *like;
	struct run run;

	if (run_largest(t->heap, &req) != nr_pages)
		fail_msg("largest: %lu pages, not %lu",
			 (unsigned long)run_largest(t->heap, &req),
			 (unsigned long)nr_pages);
	req.nr_pages = nr_pages + 1;
	assert_int_equal(run_alloc(t->heap, &req, &run), -ENOMEM);
	req.nr_pages = nr_pages;
	if (!nr_pages)
		return;
	assert_int_equal(run_alloc(t->heap, &req, &run), 0);
	assert_null(run_free(t->heap, &run, req.kind));
}

void zone_make(struct test_heap *t, u32 nr_blocks)
{
	heap_make(t, &(struct heap_spec){ .nr_pages = BLOCKS(nr_blocks) });
	contig_take(t->region, &(struct bounds){ 0, BLOCKS(nr_blocks) },
		    PLACE_ARRAY);
}

void zone_give(struct test_heap *t, u32 b, u32 i, u32 nr,
	       enum placement placement)
{
	const struct bounds pages = { BLOCKS(b) + i, BLOCKS(b) + i + nr };

	contig_give(t->region, &pages, placement, false);
}

void zone_draw(struct test_heap *t, const char *picture)
{
	for (u32 b = 0; picture[b]; b++) {
		char c = picture[b];

		if (c == '.')
			zone_give(t, b, 0, BLOCK_PAGES, PLACE_SMALL);
		if (c == '<' || c == 'x')
			zone_give(t, b, 0, 100, PLACE_SMALL);
		if (c == '>' || c == 'x')
			zone_give(t, b, BLOCK_PAGES - 100, 100, PLACE_SMALL);
		if (c == 'o')
			zone_give(t, b, 200, 100, PLACE_SMALL);
	}
}

const char *zone_spans(const struct region *region)
{
	static char text[4096];
	size_t len = 0;

	text[0] = '\0';
	for (u32 b = region->first_block; b < region->end_block; b++) {
		u64 i = b - region->first_block;
		u32 end = region->block[b].span_end;
		u32 blocks = end ? end - b : 0;
		u32 pages = maxtree_get(&region->span_pages, i);
		char name[24];

		assert_int_equal(bittree_has(&region->span_rows, i), !!end);
		if (blocks)
			assert_int_equal(
				region->block[b + blocks - 1].span_first,
				b + 1);
		if (!pages && !blocks)
			continue;
		snprintf(name, sizeof(name), blocks ? "%u-%u" : "%u|", b,
			 b + blocks);
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s%s%s%u", len ? " " : "", name,
					blocks ? ":" : "", pages);
		assert_true(len < sizeof(text));
	}
	return text;
}

void picture_make(struct picture *picture, const struct test_heap *t)
{
	const struct fixheap *heap = t->heap;

	picture->nr_pages = heap->end_pfn;
	picture->origin = (uintptr_t)heap->origin >> PAGE_SHIFT;
	picture->free = test_calloc(heap->end_pfn, 1);
	picture_mark(picture, heap->start_pfn, heap->end_pfn - heap->start_pfn,
		     1);
}

void picture_end(struct picture *picture)
{
	test_free(picture->free);
}

void picture_mark(struct picture *picture, u64 pfn, u64 nr, int free)
{
	memset(picture->free + pfn, free, nr);
}

u64 picture_free_from(const struct picture *picture, u64 pfn)
{
	u64 end = pfn;

	while (end < picture->nr_pages && picture->free[end])
		end++;
	return end - pfn;
}

/* What an alignment leaves of a run. */
static u64 aligned_part(const struct picture *picture, u64 pfn, u64 end,
			u64 align)
{
	u64 start = round_up(picture->origin + pfn, align) - picture->origin;

	return start < end ? end - start : 0;
}

u64 picture_largest(const struct picture *picture, const struct bounds *in,
		    u64 align)
{
	u64 largest = 0;

	for (u64 pfn = in->pfn; pfn < in->end; pfn++) {
		u64 end =
			min_u64(pfn + picture_free_from(picture, pfn), in->end);

		largest = max_u64(largest,
				  aligned_part(picture, pfn, end, align));
		pfn = end;
	}
	return largest;
}

u64 picture_largest_span(const struct picture *picture, const struct bounds *in,
			 u64 align)
{
	u64 largest = 0;

	for (u64 pfn = in->pfn; pfn < in->end; pfn++) {
		u64 end =
			min_u64(pfn + picture_free_from(picture, pfn), in->end);
		u64 border = round_up(pfn + 1, BLOCK_PAGES);

		if (border < end || end - pfn == BLOCK_PAGES)
			largest = max_u64(largest, aligned_part(picture, pfn,
								end, align));
		pfn = end;
	}
	return largest;
}

u64 random_below(u64 *seed, u64 below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (*seed * 0x2545f4914f6cdd1dull >> 16) % below;
}
