/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stat_prometheus.c: figures of heaps as Prometheus text, version 0.0.4
 *
 * All samples of a metric stand in a row, so that nothing is printed before
 * all heaps were read.  Names are those of fixheap_print, "prometheus"; labels
 * tell one heap from another.
 */
#include <stdlib.h>
#include <string.h>

#include "stat_prometheus.h"

#define ULL(value) ((unsigned long long)(value))

struct prometheus_heap {
	struct figures figures;
	char labels[256]; /* heap="...",pid="...",program="..." */
};

static const struct {
	const char *name; /* behind fixheap_ */
	const char *help;
	size_t offset; /* in struct figures */
} figure[] = {
#define FIGURE(field, name, help)                           \
	{                                                   \
		name, help, offsetof(struct figures, field) \
	}
	FIGURE(heap_bytes, "heap_bytes", "Pages of the heap."),
	FIGURE(used_bytes, "used_bytes",
	       "Pages not free: allocated or cached."),
	FIGURE(peak_used_bytes, "peak_used_bytes",
	       "Highest fixheap_used_bytes so far."),
	FIGURE(kind_bytes[FIXHEAP_SEGMENT_CACHED], "cached_bytes",
	       "Pages in caches of CPUs and threads."),
	FIGURE(held_bytes, "reserved_bytes",
	       "Pages set aside by fixheap_reserve."),
	FIGURE(rehomed_bytes, "rehomed_bytes",
	       "Pages bound to another node than their zone's."),
	FIGURE(largest_bytes, "largest_free_bytes", "Largest free run."),
	FIGURE(metadata_bytes, "metadata_bytes",
	       "Address space reserved for metadata."),
	FIGURE(live_bytes, "live_bytes",
	       "Bytes in live objects, arrays and page runs."),
	FIGURE(peak_live_bytes, "peak_live_bytes",
	       "Highest fixheap_live_bytes so far."),
	FIGURE(nr_allocs, "run_allocs_total",
	       "Runs of pages taken from the zones."),
	FIGURE(nr_frees, "run_frees_total",
	       "Runs of pages given back to the zones."),
	FIGURE(nr_fails, "alloc_failures_total", "Allocations refused."),
	FIGURE(nr_reclaims, "reclaims_total",
	       "Times that caches were taken back."),
	FIGURE(nr_rehomes, "rehomes_total",
	       "Arrays bound to other nodes than their zones'."),
	FIGURE(cleared_bytes, "cleared_bytes_total",
	       "Bytes cleared for zeroed memory."),
#undef FIGURE
};

/* As text in quotes; a path may have all kinds of characters, and what there
 * is of it need not be UTF-8. */
static void quote(char *text)
{
	for (; *text; text++)
		if (*text == '"' || *text == '\\' || *text == '\n' ||
		    (unsigned char)*text > '~')
			*text = '?';
}

const char *stat_prometheus_add(struct stat_prometheus *all,
				const struct segment *segment,
				struct figures *figures)
{
	struct prometheus_heap *heap;
	char title[64], program[sizeof(segment->head.program)];

	heap = realloc(all->heap, (all->nr + 1) * sizeof(*heap));
	if (!heap)
		return "no memory";
	all->heap = heap;
	heap += all->nr++;
	heap->figures = *figures;
	figures->zone = NULL;
	figures->tag = NULL;
	segment_title(segment->path, title, sizeof(title));
	memcpy(program, segment->head.program, sizeof(program));
	quote(title);
	quote(program);
	snprintf(heap->labels, sizeof(heap->labels),
		 "heap=\"%s\",pid=\"%u\",program=\"%s\"", title,
		 segment->head.pid, program);
	return NULL;
}

/* --- metrics -------------------------------------------------------- */

static void head(const char *name, const char *type, const char *help,
		 FILE *out)
{
	fprintf(out, "# HELP fixheap_%s %s\n# TYPE fixheap_%s %s\n", name, help,
		name, type);
}

static void print_figures(const struct stat_prometheus *all, FILE *out)
{
	for (size_t i = 0; i < sizeof(figure) / sizeof(figure[0]); i++) {
		const char *name = figure[i].name;
		size_t length = strlen(name);
		bool counter = length > 6 &&
			       !strcmp(name + length - 6, "_total");

		head(name, counter ? "counter" : "gauge", figure[i].help, out);
		for (size_t n = 0; n < all->nr; n++) {
			const struct prometheus_heap *heap = &all->heap[n];
			uint64_t value;

			memcpy(&value,
			       (const char *)&heap->figures + figure[i].offset,
			       sizeof(value));
			fprintf(out, "fixheap_%s{%s} %llu\n", name,
				heap->labels, ULL(value));
		}
	}
	head("running", "gauge", "0: the process has ended.", out);
	for (size_t n = 0; n < all->nr; n++)
		fprintf(out, "fixheap_running{%s} %d\n", all->heap[n].labels,
			all->heap[n].figures.alive);
}

enum metric {
	ZONE_SIZE,
	ZONE_USES,
	ZONE_RUNS,
	TAG_LIVE,
	TAG_PEAK,
	TAG_RUNS,
	NR_METRICS
};

static const struct {
	const char *name, *help;
} metrics[NR_METRICS] = {
	[ZONE_SIZE] = { "zone_bytes", "Pages of the zone." },
	[ZONE_USES] = { "zone_use_bytes", "Pages of the zone by use." },
	[ZONE_RUNS] = { "zone_free_runs",
			"Free runs of the zone of 2^order to 2^(order+1)-1 "
			"pages." },
	[TAG_LIVE] = { "tag_live_bytes", "Pages of runs with this tag." },
	[TAG_PEAK] = { "tag_peak_bytes",
		       "Highest fixheap_tag_live_bytes so far." },
	[TAG_RUNS] = { "tag_runs", "Runs with this tag." },
};

/* The words of fixheap_print. */
static const char *use_name(unsigned kind)
{
	switch (kind) {
	case FIXHEAP_SEGMENT_SLAB:
		return "small";
	case FIXHEAP_SEGMENT_RUN:
		return "pages";
	default:
		return figures_kind_name((enum fixheap_segment_kind)kind);
	}
}

static void print_zone(const struct prometheus_heap *heap, size_t z,
		       enum metric metric, FILE *out)
{
	const struct figures_zone *zone = &heap->figures.zone[z];
	char start[512];

	snprintf(start, sizeof(start),
		 "fixheap_%s{%s,zone=\"%zu\",node=\"%lld\"",
		 metrics[metric].name, heap->labels, z, (long long)zone->node);
	if (metric == ZONE_SIZE)
		fprintf(out, "%s} %llu\n", start, ULL(zone->bytes));
	for (unsigned i = 0; metric == ZONE_USES && i < FIGURES_KINDS; i++)
		fprintf(out, "%s,use=\"%s\"} %llu\n", start, use_name(i),
			ULL(zone->kind_bytes[i]));
	for (unsigned i = 0; metric == ZONE_RUNS && i < FIGURES_ORDERS; i++)
		if (UINT64_C(1) << i <= zone->end - zone->start)
			fprintf(out, "%s,order=\"%u\"} %llu\n", start, i,
				ULL(zone->free_runs[i]));
}

static void print_tag(const struct prometheus_heap *heap, size_t i,
		      enum metric metric, FILE *out)
{
	const struct figures_tag *tag = &heap->figures.tag[i];
	uint64_t value = tag->nr_live;

	if (metric == TAG_LIVE)
		value = tag->live_bytes;
	else if (metric == TAG_PEAK)
		value = tag->peak_bytes;
	fprintf(out, "fixheap_%s{%s,tag=\"%u\"} %llu\n", metrics[metric].name,
		heap->labels, tag->tag, ULL(value));
}

static void print_metric(const struct stat_prometheus *all, enum metric metric,
			 FILE *out)
{
	head(metrics[metric].name, "gauge", metrics[metric].help, out);
	for (size_t n = 0; n < all->nr; n++) {
		const struct prometheus_heap *heap = &all->heap[n];
		const struct figures *f = &heap->figures;

		for (size_t z = 0; metric < TAG_LIVE && z < f->nr_zones; z++)
			print_zone(heap, z, metric, out);
		for (size_t i = 0; metric >= TAG_LIVE && i < f->nr_tags; i++)
			print_tag(heap, i, metric, out);
	}
}

void stat_prometheus_end(struct stat_prometheus *all, FILE *out)
{
	print_figures(all, out);
	for (unsigned metric = 0; metric < NR_METRICS; metric++)
		print_metric(all, (enum metric)metric, out);
	for (size_t n = 0; n < all->nr; n++)
		figures_end(&all->heap[n].figures);
	free(all->heap);
}
