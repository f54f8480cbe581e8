/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * figures.c: what can be said of a heap that one looks at
 *
 * A program goes on while it is looked at, so that what is read at one moment
 * may contradict what is read at the next: a run is cut while its descriptor
 * is on the way, say.  Then all is read again; what contradicts itself many
 * times, or belongs to a program that has ended, is damaged.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "figures.h"

#define TRIES 20

static const char *const kind_names[FIGURES_KINDS] = {
	"free", "slab",	  "large",   "array",
	"run",	"cached", "freeing", "reserved",
};
static const char *const placement_names[FIGURES_TYPES] = {
	"small",
	"medium",
	"array",
	"whole",
};

const char *figures_kind_name(enum fixheap_segment_kind kind)
{
	return kind_names[kind & 7];
}

const char *figures_placement_name(unsigned placement)
{
	return placement_names[placement];
}

static const char *read_counters(struct figures *f, struct segment *segment)
{
	const struct {
		enum fixheap_segment_id id;
		bool pages;
		uint64_t *value;
	} table[] = {
		{ FIXHEAP_SEGMENT_HEAP, true, &f->heap_bytes },
		{ FIXHEAP_SEGMENT_USED, true, &f->used_bytes },
		{ FIXHEAP_SEGMENT_PEAK_USED, true, &f->peak_used_bytes },
		{ FIXHEAP_SEGMENT_HELD, true, &f->held_bytes },
		{ FIXHEAP_SEGMENT_LIVE, false, &f->live_bytes },
		{ FIXHEAP_SEGMENT_PEAK_LIVE, false, &f->peak_live_bytes },
		{ FIXHEAP_SEGMENT_CLEARED, false, &f->cleared_bytes },
		{ FIXHEAP_SEGMENT_ALLOCS, false, &f->nr_allocs },
		{ FIXHEAP_SEGMENT_FREES, false, &f->nr_frees },
		{ FIXHEAP_SEGMENT_FAILS, false, &f->nr_fails },
		{ FIXHEAP_SEGMENT_RECLAIMS, false, &f->nr_reclaims },
		{ FIXHEAP_SEGMENT_ARRAYS, false, &f->nr_arrays },
		{ FIXHEAP_SEGMENT_REHOMES, false, &f->nr_rehomes },
		{ FIXHEAP_SEGMENT_REHOMED, true, &f->rehomed_bytes },
		{ FIXHEAP_SEGMENT_METADATA, false, &f->metadata_bytes },
	};
	uint64_t most = segment->head.column[FIXHEAP_SEGMENT_PAGES].nr;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *wrong =
			segment_number(segment, table[i].id, table[i].value);

		if (wrong)
			return wrong;
		/* counted apart, live bytes may be below 0 for a moment */
		if (table[i].id == FIXHEAP_SEGMENT_LIVE &&
		    *table[i].value > INT64_MAX)
			*table[i].value = 0;
		if (*table[i].value > (table[i].pages ? most : INT64_MAX))
			return "a counter of it is damaged";
		if (table[i].pages)
			*table[i].value *= f->page_bytes;
	}
	if (f->used_bytes > f->heap_bytes)
		return "it has more pages in use than it has";
	f->free_bytes = f->heap_bytes - f->used_bytes;
	return NULL;
}

enum {
	ZONE_START,
	ZONE_END,
	ZONE_PAGES,
	ZONE_FREE,
	ZONE_NODE,
	ZONE_SMALL_MIN,
	ZONE_LOCAL_MIN,
	ZONE_BOUND,
	ZONE_PLACE,
	NR_ZONE_COLUMNS
};

/* Of the zone's place. */
static const char *read_low(struct figures *f, struct segment *segment,
			    uint64_t place, uint64_t *bytes)
{
	uint64_t pages = 0;
	const char *wrong = NULL;

	if (segment->head.column[FIXHEAP_SEGMENT_PLACE_LOW].nr)
		wrong = segment_numbers(segment, FIXHEAP_SEGMENT_PLACE_LOW,
					place, 1, &pages);
	*bytes = pages * f->page_bytes;
	if (!wrong && pages > segment->head.column[FIXHEAP_SEGMENT_PAGES].nr)
		wrong = "a watermark of it is damaged";
	return wrong;
}

/* Of value, column by column with a distance of nr. */
static const char *fill_zone(struct figures *f, struct figures_zone *zone,
			     const uint64_t *value, uint64_t nr)
{
	zone->start = value[ZONE_START * nr];
	zone->end = value[ZONE_END * nr];
	zone->bytes = value[ZONE_PAGES * nr] * f->page_bytes;
	zone->free_bytes = value[ZONE_FREE * nr] * f->page_bytes;
	zone->small_min_bytes = value[ZONE_SMALL_MIN * nr] * f->page_bytes;
	zone->local_min_bytes = value[ZONE_LOCAL_MIN * nr] * f->page_bytes;
	zone->bound = value[ZONE_BOUND * nr] != 0;
	zone->node = value[ZONE_NODE * nr] == UINT32_MAX
			     ? -1
			     : (int64_t)(uint32_t)value[ZONE_NODE * nr];
	return zone->end < zone->start ? "a zone of it is damaged" : NULL;
}

static const char *read_zones(struct figures *f, struct segment *segment)
{
	static const enum fixheap_segment_id ids[NR_ZONE_COLUMNS] = {
		FIXHEAP_SEGMENT_ZONE_START,	FIXHEAP_SEGMENT_ZONE_END,
		FIXHEAP_SEGMENT_ZONE_PAGES,	FIXHEAP_SEGMENT_ZONE_FREE,
		FIXHEAP_SEGMENT_ZONE_NODE,	FIXHEAP_SEGMENT_ZONE_SMALL_MIN,
		FIXHEAP_SEGMENT_ZONE_LOCAL_MIN, FIXHEAP_SEGMENT_ZONE_BOUND,
		FIXHEAP_SEGMENT_ZONE_PLACE,
	};
	uint64_t nr = segment->head.column[FIXHEAP_SEGMENT_ZONE_START].nr;
	uint64_t pages = segment->head.column[FIXHEAP_SEGMENT_PAGES].nr;
	uint64_t *value, before = 0;
	const char *wrong = NULL;

	if (nr > FIGURES_ZONES_MOST)
		return "it has too many zones";
	f->zone = calloc(nr, sizeof(*f->zone));
	value = calloc(NR_ZONE_COLUMNS * nr, sizeof(*value));
	if (!f->zone || !value)
		wrong = strerror(ENOMEM);
	for (unsigned i = 0; i < NR_ZONE_COLUMNS && !wrong; i++)
		wrong = segment_numbers(segment, ids[i], 0, nr, value + i * nr);
	for (uint64_t z = 0; z < nr && !wrong; z++) {
		struct figures_zone *zone = &f->zone[z];

		wrong = fill_zone(f, zone, value + z, nr);
		if (zone->start < before || zone->end > pages ||
		    value[ZONE_PAGES * nr + z] > pages ||
		    value[ZONE_FREE * nr + z] > pages ||
		    value[ZONE_SMALL_MIN * nr + z] > pages ||
		    value[ZONE_LOCAL_MIN * nr + z] > pages)
			wrong = "a zone of it is damaged";
		if (!wrong)
			wrong = read_low(f, segment, value[ZONE_PLACE * nr + z],
					 &zone->low_bytes);
		before = zone->end;
	}
	f->nr_zones = nr;
	free(value);
	return wrong;
}

static const char *read_regions(struct figures *f, struct segment *segment)
{
	uint64_t nr = segment->head.column[FIXHEAP_SEGMENT_RANGE_END].nr;
	uint64_t *end = calloc(nr, sizeof(*end));
	const char *wrong = strerror(ENOMEM);

	if (end)
		wrong = segment_numbers(segment, FIXHEAP_SEGMENT_RANGE_END, 0,
					nr, end);
	for (uint64_t i = 0; i < nr && !wrong; i++)
		f->nr_regions += end[i] != 0;
	free(end);
	return wrong;
}

/* Sizes by class; slabs are counted later. */
static const char *read_classes(struct figures *f, struct segment *segment)
{
	uint64_t nr = segment->head.column[FIXHEAP_SEGMENT_CLASS_OBJECT].nr;
	uint64_t value[2][SEGMENT_CLASSES];
	const char *wrong;

	if (nr > SEGMENT_CLASSES)
		return "it has too many sizes of objects";
	wrong = segment_numbers(segment, FIXHEAP_SEGMENT_CLASS_OBJECT, 0, nr,
				value[0]);
	if (!wrong)
		wrong = segment_numbers(segment, FIXHEAP_SEGMENT_CLASS_SLAB, 0,
					nr, value[1]);
	for (uint64_t i = 0; i < nr && !wrong; i++) {
		if (value[0][i] > UINT32_MAX || value[1][i] > UINT32_MAX)
			return "a size of objects of it is damaged";
		f->class[i].object_bytes = value[0][i];
		f->class[i].slab_bytes = value[1][i];
	}
	return wrong;
}

static const char *read_tags(struct figures *f, struct segment *segment)
{
	uint64_t nr = segment->head.column[FIXHEAP_SEGMENT_TAG_PAGES].nr;
	uint64_t pages = segment->head.column[FIXHEAP_SEGMENT_PAGES].nr;
	uint64_t *value = calloc(3 * nr + 1, sizeof(*value));
	const char *wrong = NULL;

	f->tag = calloc(nr + 1, sizeof(*f->tag));
	if (!value || !f->tag)
		wrong = strerror(ENOMEM);
	for (unsigned i = 0; i < 3 && !wrong; i++)
		wrong = segment_numbers(segment,
					(enum fixheap_segment_id)(
						FIXHEAP_SEGMENT_TAG_PAGES + i),
					0, nr, value + i * nr);
	for (uint64_t i = 1; i < nr && !wrong; i++) {
		if (!value[nr + i])
			continue;
		if (value[i] > pages || value[nr + i] > pages ||
		    value[2 * nr + i] > pages)
			wrong = "a tag of it is damaged";
		f->tag[f->nr_tags++] = (struct figures_tag){
			.tag = (unsigned)i,
			.live_bytes = value[i] * f->page_bytes,
			.peak_bytes = value[nr + i] * f->page_bytes,
			.nr_live = value[2 * nr + i],
		};
	}
	free(value);
	return wrong;
}

struct count {
	struct figures *f;
	size_t zone; /* the first one that may reach behind the last run */
	struct figures_blocks blocks;
};

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The part of a run that is in the zone. */
static const char *count_part(struct count *count, struct figures_zone *zone,
			      const struct segment_run *part)
{
	uint64_t bytes = part->nr_pages * count->f->page_bytes;

	zone->kind_bytes[part->kind] += bytes;
	if (part->kind == FIXHEAP_SEGMENT_NONE) {
		zone->largest_bytes = most(zone->largest_bytes, bytes);
		zone->free_runs[figures_order(part->nr_pages)]++;
	} else {
		zone->placed_bytes[part->placement] += bytes;
	}
	return figures_blocks_add(&count->blocks, zone, part);
}

static const char *count_in_zones(struct count *count,
				  const struct segment_run *run)
{
	struct figures *f = count->f;
	uint64_t end = run->pfn + run->nr_pages;
	const char *wrong = NULL;

	while (count->zone < f->nr_zones &&
	       f->zone[count->zone].end <= run->pfn)
		count->zone++;
	for (size_t z = count->zone;
	     z < f->nr_zones && f->zone[z].start < end && !wrong; z++) {
		struct figures_zone *zone = &f->zone[z];
		uint64_t from = most(zone->start, run->pfn);
		uint64_t to = zone->end < end ? zone->end : end;
		struct segment_run part = *run;

		part.pfn = from;
		part.nr_pages = to - from;
		if (from < to)
			wrong = count_part(count, zone, &part);
	}
	return wrong;
}

/* Slabs of a class in a row. */
static void count_slabs(struct figures *f, const struct segment_run *run)
{
	struct figures_class *class = &f->class[run->class];

	if (run->kind == FIXHEAP_SEGMENT_SLAB && class->slab_bytes)
		class->nr_pages += run->nr_pages;
}

static const char *count_run(void *data, const struct segment_run *run)
{
	struct count *count = data;
	struct figures *f = count->f;
	uint64_t bytes = run->nr_pages * f->page_bytes;
	const char *wrong;

	f->kind_bytes[run->kind] += bytes;
	f->kind_runs[run->kind]++;
	wrong = count_in_zones(count, run);
	count_slabs(f, run);
	if (run->kind != FIXHEAP_SEGMENT_NONE) {
		f->placed_bytes[run->placement] += bytes;
		return wrong;
	}
	f->nr_free_runs++;
	if (bytes > f->largest_bytes) {
		f->largest_bytes = bytes;
		f->largest_pfn = run->pfn;
	}
	return wrong;
}

static const char *read_once(struct figures *figures, struct segment *segment)
{
	struct count count = { .f = figures, .blocks.segment = segment };
	const char *wrong;

	memset(figures, 0, sizeof(*figures));
	figures->page_bytes = (size_t)1 << segment->head.page_shift;
	wrong = read_counters(figures, segment);
	if (!wrong)
		wrong = read_zones(figures, segment);
	if (!wrong)
		wrong = read_regions(figures, segment);
	if (!wrong)
		wrong = read_classes(figures, segment);
	if (!wrong)
		wrong = read_tags(figures, segment);
	if (!wrong)
		wrong = segment_read_ranges(segment);
	if (!wrong)
		wrong = segment_walk(segment, count_run, &count);
	if (!wrong)
		wrong = figures_blocks_end(&count.blocks);
	return wrong;
}

const char *figures_read(struct figures *figures, struct segment *segment)
{
	const struct timespec pause = { 0, 2000000 };
	bool alive = segment_is_alive(segment);
	const char *wrong = read_once(figures, segment);

	for (int i = 1; i < TRIES && wrong && alive; i++) {
		figures_end(figures);
		nanosleep(&pause, NULL);
		wrong = read_once(figures, segment);
	}
	figures->alive = alive;
	return wrong;
}

void figures_end(struct figures *figures)
{
	free(figures->zone);
	free(figures->tag);
	figures->zone = NULL;
	figures->tag = NULL;
}
