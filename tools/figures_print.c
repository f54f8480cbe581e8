/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * figures_print.c: figures of heaps for people to read.
 */
#include <stdlib.h>
#include <string.h>

#include "figures_print.h"
#include "size.h"

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

void figures_print_sizes(const struct figures *f, const struct segment *segment,
			 FILE *out)
{
	char text[2][SIZE_TEXT_MAX], title[64];

	segment_title(segment->path, title, sizeof(title));
	fprintf(out, "%s: %s, process %u, %s\n", title, segment->head.program,
		segment->head.pid, f->alive ? "running" : "ended");
	fprintf(out, "  size %s, used %s (%.1f %%)",
		size_format(text[0], f->heap_bytes),
		size_format(text[1], f->used_bytes),
		percent(f->used_bytes, f->heap_bytes));
	fprintf(out, ", at most %s\n",
		size_format(text[0], f->peak_used_bytes));
	fprintf(out, "  free %s, largest run %s, %llu runs\n",
		size_format(text[0], f->free_bytes),
		size_format(text[1], f->largest_bytes),
		(unsigned long long)f->nr_free_runs);
	fprintf(out, "  live %s, at most %s\n",
		size_format(text[0], f->live_bytes),
		size_format(text[1], f->peak_live_bytes));
}

void figures_print_zones(const struct figures *f, size_t most, FILE *out)
{
	char text[4][SIZE_TEXT_MAX];

	fprintf(out, "\n  %-10s %12s %12s %12s %12s\n", "zone", "node", "size",
		"free", "largest free");
	for (size_t z = 0; z < f->nr_zones && z < most; z++) {
		const struct figures_zone *zone = &f->zone[z];

		if (zone->node < 0)
			strcpy(text[0], "any");
		else
			snprintf(text[0], sizeof(text[0]), "%u",
				 (unsigned)zone->node);
		fprintf(out, "  %-10zu %12s %12s %12s %12s\n", z, text[0],
			size_format(text[1], zone->bytes),
			size_format(text[2], zone->free_bytes),
			size_format(text[3], zone->largest_bytes));
	}
	if (f->nr_zones > most)
		fprintf(out, "  and %zu more\n", f->nr_zones - most);
}

/* Uses at the left, placements at the right. */
void figures_print_uses(const struct figures *f, FILE *out)
{
	char text[SIZE_TEXT_MAX];
	unsigned placement = 0;

	fprintf(out, "\n  %-10s %12s %12s   %-10s %12s\n", "pages of", "size",
		"runs", "placement", "size");
	for (unsigned i = 1; i < FIGURES_KINDS; i++) {
		if (!f->kind_runs[i] && i > FIGURES_PLACEMENTS)
			continue;
		fprintf(out, "  %-10s %12s %12llu",
			figures_kind_name((enum fixheap_segment_kind)i),
			size_format(text, f->kind_bytes[i]),
			(unsigned long long)f->kind_runs[i]);
		if (placement < FIGURES_PLACEMENTS) {
			fprintf(out, "   %-10s %12s",
				figures_placement_name(placement),
				size_format(text, f->placed_bytes[placement]));
			placement++;
		}
		fputc('\n', out);
	}
}

static int by_live(const void *left, const void *right)
{
	const struct figures_tag *a = left, *b = right;

	if (a->live_bytes != b->live_bytes)
		return a->live_bytes < b->live_bytes ? 1 : -1;
	return a->tag < b->tag ? -1 : a->tag > b->tag;
}

static void print_tags(const struct figures *f, size_t most, FILE *out)
{
	char live[SIZE_TEXT_MAX], peak[SIZE_TEXT_MAX];

	if (!f->nr_tags)
		return;
	fprintf(out, "\n  %-10s %12s %12s %12s\n", "tag", "live", "peak",
		"runs");
	for (size_t i = 0; i < f->nr_tags && i < most; i++)
		fprintf(out, "  %-10u %12s %12s %12llu\n", f->tag[i].tag,
			size_format(live, f->tag[i].live_bytes),
			size_format(peak, f->tag[i].peak_bytes),
			(unsigned long long)f->tag[i].nr_live);
}

static void sort_tags(struct figures *f)
{
	if (f->nr_tags)
		qsort(f->tag, f->nr_tags, sizeof(*f->tag), by_live);
}

void figures_print_tags(struct figures *f, size_t most, FILE *out)
{
	sort_tags(f);
	print_tags(f, most, out);
}

void figures_print_tags_short(struct figures *f, size_t most, FILE *out)
{
	char live[SIZE_TEXT_MAX];

	sort_tags(f);
	if (f->nr_tags)
		fputs("  tags", out);
	for (size_t i = 0; i < f->nr_tags && i < most; i++)
		fprintf(out, "  %u: %s", f->tag[i].tag,
			size_format(live, f->tag[i].live_bytes));
	if (f->nr_tags)
		fputc('\n', out);
}

void figures_print(const struct figures *f, const struct segment *segment,
		   FILE *out)
{
	figures_print_sizes(f, segment, out);
	fprintf(out,
		"  runs: %llu allocated, %llu freed; %llu allocations failed\n",
		(unsigned long long)f->nr_allocs,
		(unsigned long long)f->nr_frees,
		(unsigned long long)f->nr_fails);
	figures_print_zones(f, f->nr_zones, out);
	figures_print_uses(f, out);
	print_tags(f, f->nr_tags, out);
}

void figures_print_line(const struct figures *f, const struct segment *segment,
			FILE *out)
{
	char text[3][SIZE_TEXT_MAX], title[64];

	segment_title(segment->path, title, sizeof(title));
	fprintf(out, "%-22s %-15s %-7s %10s %10s %12s\n", title,
		segment->head.program, f->alive ? "running" : "ended",
		size_format(text[0], f->heap_bytes),
		size_format(text[1], f->used_bytes),
		size_format(text[2], f->largest_bytes));
}

void figures_print_head(FILE *out)
{
	fprintf(out, "%-22s %-15s %-7s %10s %10s %12s\n", "HEAP", "PROGRAM",
		"STATE", "SIZE", "USED", "LARGEST FREE");
}
