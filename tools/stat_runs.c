/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stat_runs.c: the runs of a heap as JSON, in the form of fixheap.schema.json:
 * what fixheap_print tells as "map", and of "numa_maps" the policies
 *
 * The program goes on meanwhile, so what contradicts itself is read anew, as in
 * figures.c.
 */
#include <time.h>

#include <fixheap/fixheap.h>

#include "stat_runs.h"

#define TRIES 20
#define PLACES_MOST 128

/* bits of FIXHEAP_SEGMENT_POLICY_OF */
#define SET_SHIFT 4
#define SET_MASK 1023
#define NO_SET_FLAG (UINT64_C(1) << 54)

struct runs {
	const struct figures *figures;
	const struct segment *segment;
	json_t *array;
	uint64_t node[PLACES_MOST];
	size_t nr_places, zone;
};

static const char *number(const struct runs *runs, enum fixheap_segment_id id,
			  uint64_t at, uint64_t *value)
{
	*value = 0;
	if (!runs->segment->head.column[id].nr)
		return NULL;
	return segment_numbers(runs->segment, id, at, 1, value);
}

/* The numbers of those places that are one node. */
static json_t *nodes_of(const struct runs *runs, const uint64_t *places)
{
	json_t *array = json_array();

	for (size_t n = 0; n < runs->nr_places; n++)
		if (places[n / 64] >> n % 64 & 1 && runs->node[n] < UINT32_MAX)
			json_array_append_new(
				array, json_integer((json_int_t)runs->node[n]));
	return array;
}

static const char *add_policy(const struct runs *runs, json_t *object,
			      const struct segment_run *run)
{
	static const char *const name[8] = {
		[FIXHEAP_POLICY_DEFAULT] = "default",
		[FIXHEAP_POLICY_LOCAL] = "local",
		[FIXHEAP_POLICY_BIND] = "bind",
		[FIXHEAP_POLICY_PREFERRED] = "prefer",
		[FIXHEAP_POLICY_INTERLEAVE] = "interleave",
		[FIXHEAP_POLICY_BLOCKED] = "blocked",
	};
	uint64_t record = NO_SET_FLAG, places[2] = { 0, 0 };
	const char *wrong = NULL;

	if (run->has_policy)
		wrong = number(runs, FIXHEAP_SEGMENT_POLICY_OF, run->pfn,
			       &record);
	if (!wrong && !(record & NO_SET_FLAG)) {
		uint64_t set = record >> SET_SHIFT & SET_MASK;

		wrong = number(runs, FIXHEAP_SEGMENT_SET_LOW, set, &places[0]);
		if (!wrong)
			wrong = number(runs, FIXHEAP_SEGMENT_SET_HIGH, set,
				       &places[1]);
	}
	if (!wrong && !name[record & 7])
		wrong = "a policy of it is damaged";
	if (wrong)
		return wrong;
	json_object_set_new(object, "policy", json_string(name[record & 7]));
	json_object_set_new(object, "nodes", nodes_of(runs, places));
	return NULL;
}

static const char *describe(const struct runs *runs, json_t *object,
			    const struct segment_run *run)
{
	uint64_t tag = 0;
	const char *wrong = NULL;

	json_object_set_new(
		object, "placement",
		json_string(figures_placement_name(run->placement)));
	if (run->kind == FIXHEAP_SEGMENT_SLAB)
		json_object_set_new(object, "object_bytes",
				    json_integer((json_int_t)runs->figures
							 ->class[run->class]
							 .object_bytes));
	else if (run->kind != FIXHEAP_SEGMENT_CACHED)
		wrong = number(runs, FIXHEAP_SEGMENT_TAG_OF, run->pfn, &tag);
	if (tag)
		json_object_set_new(object, "tag",
				    json_integer((json_int_t)tag));
	if (!wrong && run->kind == FIXHEAP_SEGMENT_ARRAY)
		wrong = add_policy(runs, object, run);
	return wrong;
}

static const char *add_run(void *data, const struct segment_run *run)
{
	struct runs *runs = data;
	const struct figures *f = runs->figures;
	const struct fixheap_segment *head = &runs->segment->head;
	uint64_t at;
	const char *wrong =
		number(runs, FIXHEAP_SEGMENT_MOVES, run->pfn / 512, &at);
	json_t *object;

	at += head->origin + (run->pfn << head->page_shift);
	if (!wrong && at > INT64_MAX)
		wrong = "a place of it is damaged";
	if (wrong)
		return wrong;
	while (runs->zone + 1 < f->nr_zones &&
	       f->zone[runs->zone].end <= run->pfn)
		runs->zone++;
	object = json_pack("{sI sI ss sI}", "address", (json_int_t)at, "bytes",
			   (json_int_t)(run->nr_pages * f->page_bytes), "use",
			   figures_kind_name(run->kind), "zone",
			   (json_int_t)runs->zone);
	if (run->kind != FIXHEAP_SEGMENT_NONE)
		wrong = describe(runs, object, run);
	if (json_array_append_new(runs->array, object) && !wrong)
		wrong = "no memory";
	return wrong;
}

static const char *read_once(struct runs *runs, struct segment *segment)
{
	const char *wrong = segment_read_ranges(segment);

	runs->zone = 0;
	runs->array = json_array();
	if (!wrong)
		wrong = segment_walk(segment, add_run, runs);
	if (!wrong && !runs->array)
		wrong = "no memory";
	return wrong;
}

const char *stat_runs(const struct figures *figures, struct segment *segment,
		      json_t **array)
{
	const struct timespec pause = { 0, 2000000 };
	struct runs runs = { .figures = figures, .segment = segment };
	const char *wrong;

	runs.nr_places = segment->head.column[FIXHEAP_SEGMENT_PLACE_NODE].nr;
	if (runs.nr_places > PLACES_MOST)
		return "it has too many nodes";
	wrong = segment_numbers(segment, FIXHEAP_SEGMENT_PLACE_NODE, 0,
				runs.nr_places, runs.node);
	if (wrong)
		return wrong;
	wrong = read_once(&runs, segment);
	for (int i = 1; i < TRIES && wrong && figures->alive; i++) {
		json_decref(runs.array);
		nanosleep(&pause, NULL);
		wrong = read_once(&runs, segment);
	}
	if (wrong)
		json_decref(runs.array);
	else
		*array = runs.array;
	return wrong;
}
