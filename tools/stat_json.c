/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stat_json.c: figures of heaps as JSON, in the form of fixheap.schema.json
 *
 * json_pack makes all of an object or nothing; json_array_append_new takes what
 * it is given in either case, and refuses a NULL.
 */
#include <jansson.h>

#include <fixheap/fixheap.h>

#include "stat_json.h"
#include "stat_runs.h"

static const char no_memory[] = "no memory";

/* What the type in stat_json.h stands for: the array of heaps. */
static json_t *heaps_of(struct stat_json *json)
{
	return (json_t *)json;
}

struct stat_json *stat_json_begin(void)
{
	return (struct stat_json *)json_array();
}

static json_int_t integer(uint64_t value)
{
	return (json_int_t)value;
}

static json_t *placed(const uint64_t *bytes)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < FIGURES_PLACEMENTS; i++)
		if (json_object_set_new(object, figures_placement_name(i),
					json_integer(integer(bytes[i])))) {
			json_decref(object);
			return NULL;
		}
	return object;
}

static json_t *kinds(const struct figures *f)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < FIGURES_KINDS; i++) {
		json_t *kind = json_pack("{sI sI}", "bytes",
					 integer(f->kind_bytes[i]), "runs",
					 integer(f->kind_runs[i]));

		if (json_object_set_new(
			    object,
			    figures_kind_name((enum fixheap_segment_kind)i),
			    kind)) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *used_in_zone(const struct figures_zone *zone)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < FIGURES_KINDS; i++)
		if (json_object_set_new(
			    object,
			    figures_kind_name((enum fixheap_segment_kind)i),
			    json_integer(integer(zone->kind_bytes[i])))) {
			json_decref(object);
			return NULL;
		}
	return object;
}

/* By order, as far as there are some. */
static json_t *orders(const uint64_t *runs)
{
	json_t *array = json_array();
	unsigned nr = FIGURES_ORDERS;

	while (nr && !runs[nr - 1])
		nr--;
	for (unsigned i = 0; i < nr; i++)
		if (json_array_append_new(array,
					  json_integer(integer(runs[i])))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *pageblocks(const struct figures_zone *zone)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < FIGURES_TYPES; i++) {
		json_t *type = json_pack("{sI so}", "blocks",
					 integer(zone->blocks[i]), "free_runs",
					 orders(zone->block_runs[i]));

		if (json_object_set_new(object, figures_placement_name(i),
					type)) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *slabs(const struct figures *f)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < SEGMENT_CLASSES; i++) {
		const struct figures_class *class = &f->class[i];
		uint64_t bytes = class->nr_pages * f->page_bytes;
		json_t *object;

		if (!bytes || !class->object_bytes)
			continue;
		object = json_pack("{sI sI sI sI}", "object_bytes",
				   integer(class->object_bytes), "slab_bytes",
				   integer(class->slab_bytes), "slabs",
				   integer(bytes / class->slab_bytes),
				   "objects",
				   integer(bytes / class->object_bytes));
		if (json_array_append_new(array, object)) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *zones(const struct figures *f)
{
	json_t *array = json_array();

	for (size_t z = 0; z < f->nr_zones; z++) {
		const struct figures_zone *zone = &f->zone[z];
		json_t *node = zone->node < 0 ? json_null()
					      : json_integer(zone->node);
		json_t *object = json_pack(
			"{so sb sI sI sI sI sI sI sI sI so so so so}", "node",
			node, "bound", zone->bound, "start_page",
			integer(zone->start), "end_page", integer(zone->end),
			"bytes", integer(zone->bytes), "free_bytes",
			integer(zone->free_bytes), "largest_free_bytes",
			integer(zone->largest_bytes), "small_min_bytes",
			integer(zone->small_min_bytes), "local_min_bytes",
			integer(zone->local_min_bytes), "low_bytes",
			integer(zone->low_bytes), "placed_bytes",
			placed(zone->placed_bytes), "use_bytes",
			used_in_zone(zone), "free_runs",
			orders(zone->free_runs), "pageblocks",
			pageblocks(zone));

		if (json_array_append_new(array, object)) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *tags(const struct figures *f)
{
	json_t *array = json_array();

	for (size_t i = 0; i < f->nr_tags; i++) {
		const struct figures_tag *tag = &f->tag[i];
		json_t *object =
			json_pack("{si sI sI sI}", "tag", (int)tag->tag,
				  "live_bytes", integer(tag->live_bytes),
				  "peak_bytes", integer(tag->peak_bytes),
				  "runs", integer(tag->nr_live));

		if (json_array_append_new(array, object)) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *counters(const struct figures *f)
{
	return json_pack("{sI sI sI sI sI sI sI}", "run_allocs",
			 integer(f->nr_allocs), "run_frees",
			 integer(f->nr_frees), "fails", integer(f->nr_fails),
			 "reclaims", integer(f->nr_reclaims), "arrays",
			 integer(f->nr_arrays), "rehomes",
			 integer(f->nr_rehomes), "cleared_bytes",
			 integer(f->cleared_bytes));
}

static const char *add(struct stat_json *json, const struct segment *segment,
		       const struct figures *f, json_t *runs)
{
	json_t *object = json_pack(
		"{ss ss sI sb sI sI sI sI sI sI sI sI sI sI sI sI sI}", "path",
		segment->path, "program", segment->head.program, "pid",
		integer(segment->head.pid), "running", f->alive, "page_bytes",
		integer(f->page_bytes), "heap_bytes", integer(f->heap_bytes),
		"used_bytes", integer(f->used_bytes), "free_bytes",
		integer(f->free_bytes), "peak_used_bytes",
		integer(f->peak_used_bytes), "reserved_bytes",
		integer(f->held_bytes), "live_bytes", integer(f->live_bytes),
		"peak_live_bytes", integer(f->peak_live_bytes),
		"largest_free_bytes", integer(f->largest_bytes), "free_runs",
		integer(f->nr_free_runs), "metadata_bytes",
		integer(f->metadata_bytes), "rehomed_bytes",
		integer(f->rehomed_bytes), "regions", integer(f->nr_regions));

	if (!object)
		return "its path is not UTF-8, or there is no memory";
	if (json_object_set_new(object, "counters", counters(f)) ||
	    json_object_set_new(object, "zones", zones(f)) ||
	    json_object_set_new(object, "uses", kinds(f)) ||
	    json_object_set_new(object, "placed_bytes",
				placed(f->placed_bytes)) ||
	    json_object_set_new(object, "slabs", slabs(f)) ||
	    json_object_set_new(object, "tags", tags(f)) ||
	    (runs && json_object_set(object, "runs", runs))) {
		json_decref(object);
		return no_memory;
	}
	return json_array_append_new(heaps_of(json), object) ? no_memory : NULL;
}

const char *stat_json_add(struct stat_json *json, struct segment *segment,
			  const struct figures *f, enum stat_json_runs want)
{
	const char *wrong = NULL;
	json_t *runs = NULL;

	if (want == STAT_JSON_RUNS)
		wrong = stat_runs(f, segment, &runs);
	if (!wrong)
		wrong = add(json, segment, f, runs);
	json_decref(runs);
	return wrong;
}

int stat_json_end(struct stat_json *json)
{
	json_t *all = json_pack("{ss so}", "version", fixheap_version(),
				"heaps", heaps_of(json));
	int failed = all ? json_dumpf(all, stdout, JSON_INDENT(2)) : -1;

	putchar('\n');
	json_decref(all);
	return failed;
}
