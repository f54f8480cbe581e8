/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * print_stats.c: sums and counters as text: vmstat, prometheus.
 *
 * Prometheus wants all samples of a metric in a row, so its text goes over the
 * zones once for each kind of metric.
 *
 * Locking: as print_zones.c.  Cost: vmstat O(zones); prometheus O(runs), twice
 * for each zone.
 */
#include "print.h"

#include "tag.h"

#define ULL(value) ((unsigned long long)(value))

/* All that fixheap_stats says, by the names of both texts. */
static const struct {
	char vmstat[24]; /* pages where it begins with nr_ */
	char name[24];	 /* behind fixheap_ */
	char help[56];
	size_t offset; /* in struct fixheap_stats */
} figure[] = {
#define FIGURE(field, vmstat, name, help)                                 \
	{                                                                 \
		vmstat, name, help, offsetof(struct fixheap_stats, field) \
	}
	FIGURE(heap_bytes, "nr_pages", "heap_bytes", "Pages of the heap."),
	FIGURE(used_bytes, "nr_used_pages", "used_bytes",
	       "Pages not free: allocated or cached."),
	FIGURE(peak_used_bytes, "nr_peak_used_pages", "peak_used_bytes",
	       "Highest fixheap_used_bytes so far."),
	FIGURE(cached_bytes, "nr_cached_pages", "cached_bytes",
	       "Pages in caches of CPUs."),
	FIGURE(reserved_bytes, "nr_reserved_pages", "reserved_bytes",
	       "Pages set aside by fixheap_reserve."),
	FIGURE(rehomed_bytes, "nr_rehomed_pages", "rehomed_bytes",
	       "Pages bound to another node than their zone's."),
	FIGURE(largest_run_bytes, "nr_largest_free_pages", "largest_free_bytes",
	       "Largest free run."),
	FIGURE(metadata_bytes, "metadata_bytes", "metadata_bytes",
	       "Address space reserved for metadata."),
	FIGURE(live_bytes, "live_bytes", "live_bytes",
	       "Bytes in live objects, arrays and page runs."),
	FIGURE(peak_live_bytes, "peak_live_bytes", "peak_live_bytes",
	       "Highest fixheap_live_bytes so far."),
	FIGURE(nr_allocs, "run_alloc", "run_allocs_total",
	       "Runs of pages taken from the zones."),
	FIGURE(nr_frees, "run_free", "run_frees_total",
	       "Runs of pages given back to the zones."),
	FIGURE(nr_fails, "alloc_fail", "alloc_failures_total",
	       "Allocations refused."),
	FIGURE(nr_reclaims, "reclaim", "reclaims_total",
	       "Times that caches were taken back."),
	FIGURE(nr_rehomes, "rehome", "rehomes_total",
	       "Arrays bound to other nodes than their zones'."),
	FIGURE(cleared_bytes, "cleared_bytes", "cleared_bytes_total",
	       "Bytes cleared for zeroed memory."),
#undef FIGURE
};

/* size_t and u64 are the same here. */
static u64 figure_of(const struct fixheap_stats *stats, u32 i)
{
	_Static_assert(sizeof(size_t) == sizeof(u64), "64 bits");
	return *(const u64 *)((const char *)stats + figure[i].offset);
}

static void get_stats(struct printer *p, struct fixheap_stats *stats)
{
	stats->size = sizeof(*stats);
	fixheap_stats(p->heap, stats);
}

/* ---- vmstat ------------------------------------------------------------- */

void print_vmstat(struct printer *p)
{
	struct fixheap_stats stats;

	get_stats(p, &stats);
	print_text(p, "nr_free_pages %llu\n",
		   ULL((stats.heap_bytes - stats.used_bytes) >> PAGE_SHIFT));
	for (u32 i = 0; i < ARRAY_LEN(figure); i++) {
		bool pages = !__builtin_strncmp(figure[i].vmstat, "nr_", 3);
		u64 value = figure_of(&stats, i);

		print_text(p, "%s %llu\n", figure[i].vmstat,
			   ULL(pages ? value >> PAGE_SHIFT : value));
	}
	print_text(p, "nr_zones %u\nnr_regions %u\n", p->heap->nr_zones,
		   __atomic_load_n(&p->heap->nr_ranges, __ATOMIC_RELAXED));
}

/* ---- Prometheus --------------------------------------------------------- */

static void head(struct printer *p, const char *name, const char *type,
		 const char *help)
{
	print_text(p, "# HELP fixheap_%s %s\n# TYPE fixheap_%s %s\n", name,
		   help, name, type);
}

static void print_figures(struct printer *p)
{
	struct fixheap_stats stats;

	get_stats(p, &stats);
	for (u32 i = 0; i < ARRAY_LEN(figure); i++) {
		u32 length = (u32)__builtin_strlen(figure[i].name);
		bool counter = length > 6 &&
			       !__builtin_strcmp(figure[i].name + length - 6,
						 "_total");

		head(p, figure[i].name, counter ? "counter" : "gauge",
		     figure[i].help);
		print_text(p, "fixheap_%s %llu\n", figure[i].name,
			   ULL(figure_of(&stats, i)));
	}
}

static void sample(struct printer *p, const char *name, const struct zone *zone)
{
	print_text(p, "fixheap_%s{zone=\"%u\",node=\"%d\"", name, zone->index,
		   print_node(p->heap, zone));
}

static void print_zone_sizes(struct printer *p)
{
	const struct zone *zone = NULL;

	head(p, "zone_bytes", "gauge", "Pages of the zone.");
	while ((zone = print_zone_next(p->heap, zone))) {
		sample(p, "zone_bytes", zone);
		print_text(
			p, "} %llu\n",
			ULL(__atomic_load_n(&zone->nr_pages, __ATOMIC_RELAXED)
			    << PAGE_SHIFT));
	}
}

static void print_zone_uses(struct printer *p)
{
	const struct zone *zone = NULL;
	struct zone_scan scan;

	head(p, "zone_use_bytes", "gauge", "Pages of the zone by use.");
	while ((zone = print_zone_next(p->heap, zone)) && !p->err) {
		scan_zone(p->heap, zone, &scan);
		for (u32 use = 0; use < ARRAY_LEN(scan.used); use++) {
			sample(p, "zone_use_bytes", zone);
			print_text(p, ",use=\"%s\"} %llu\n",
				   print_use((enum fixheap_use)use),
				   ULL(scan.used[use] << PAGE_SHIFT));
		}
	}
}

static void print_zone_runs(struct printer *p)
{
	const struct zone *zone = NULL;
	struct zone_scan scan;

	head(p, "zone_free_runs", "gauge",
	     "Free runs of the zone of 2^order to 2^(order+1)-1 pages.");
	while ((zone = print_zone_next(p->heap, zone)) && !p->err) {
		scan_zone(p->heap, zone, &scan);
		for (u32 i = 0; i < print_orders(p->heap); i++) {
			sample(p, "zone_free_runs", zone);
			print_text(p, ",order=\"%u\"} %llu\n", i,
				   ULL(scan.nr_runs[i]));
		}
	}
}

/* Values of one metric, for each tag. */
struct tag_metric {
	struct printer *p;
	const char *name;
	size_t offset; /* in struct fixheap_tag */
};

static int print_tag(void *data, const struct fixheap_tag *tag)
{
	const struct tag_metric *metric = data;
	u64 value = *(const u64 *)((const char *)tag + metric->offset);

	print_text(metric->p, "fixheap_%s{tag=\"%u\"} %llu\n", metric->name,
		   tag->tag, ULL(value));
	return 0;
}

static void print_tags(struct printer *p)
{
	struct tag_metric live = { p, "tag_live_bytes",
				   offsetof(struct fixheap_tag, live_bytes) };
	struct tag_metric peak = { p, "tag_peak_bytes",
				   offsetof(struct fixheap_tag, peak_bytes) };
	struct tag_metric runs = { p, "tag_runs",
				   offsetof(struct fixheap_tag, nr_live) };

	if (!p->heap->tagged)
		return;
	head(p, live.name, "gauge", "Pages of runs with this tag.");
	fixheap_tags(p->heap, print_tag, &live);
	head(p, peak.name, "gauge", "Highest fixheap_tag_live_bytes so far.");
	fixheap_tags(p->heap, print_tag, &peak);
	head(p, runs.name, "gauge", "Runs with this tag.");
	fixheap_tags(p->heap, print_tag, &runs);
}

void print_prometheus(struct printer *p)
{
	print_figures(p);
	print_zone_sizes(p);
	print_zone_uses(p);
	print_zone_runs(p);
	print_tags(p);
}
