/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * picture_draw.c: a picture as a file: a title, the zones with their names at
 * the left, and the legend.
 */
#include <errno.h>
#include <string.h>

#include "canvas.h"
#include "picture.h"
#include "size.h"

#define MARGIN 16u
#define LABEL_WIDTH (14u * CANVAS_LETTER_WIDTH)
#define LINE_HEIGHT 14u
#define ZONE_GAP 8u
#define LEGEND_HEIGHT 22u
#define TOP (MARGIN + 2u * LEGEND_HEIGHT)
#define MARK_RGB 0xff00c8

static unsigned zones_height(const struct picture *p)
{
	unsigned height = 0;

	for (size_t z = 0; z < p->figures.nr_zones; z++)
		if (p->zone[z].nr_lines)
			height += (unsigned)p->zone[z].nr_lines * LINE_HEIGHT +
				  ZONE_GAP;
	return height;
}

static bool looks_equal(const struct picture *p, const struct picture_cell *a,
			const struct picture_cell *b)
{
	return picture_cell_rgb(p, a) == picture_cell_rgb(p, b);
}

static bool both_largest(const struct picture *p, const struct picture_cell *a,
			 const struct picture_cell *b)
{
	(void)p;
	return a->largest && b->largest;
}

/* Cells from i on that are alike. */
static size_t
alike(const struct picture *p, const struct picture_cell *cell, size_t nr,
      bool (*same)(const struct picture *p, const struct picture_cell *a,
		   const struct picture_cell *b))
{
	size_t i = 1;

	while (i < nr && same(p, cell, cell + i))
		i++;
	return i;
}

static void draw_line(const struct picture *p, struct canvas *canvas,
		      const struct picture_cell *cell, size_t nr, unsigned y)
{
	struct canvas_box box = { 0, y, 0, LINE_HEIGHT - 1 };
	size_t i, some;

	for (i = 0; i < nr; i += some) {
		some = alike(p, cell + i, nr - i, looks_equal);
		box.x = MARGIN + LABEL_WIDTH + (unsigned)i;
		box.width = (unsigned)some;
		canvas->ops->fill(canvas, &box, picture_cell_rgb(p, cell + i));
	}
	for (i = 0; i < nr; i += some) {
		some = alike(p, cell + i, nr - i, both_largest);
		box.x = MARGIN + LABEL_WIDTH + (unsigned)i;
		box.width = (unsigned)some;
		if (cell[i].largest)
			canvas->ops->frame(canvas, &box, MARK_RGB);
	}
}

static unsigned draw_zones(const struct picture *p, struct canvas *canvas)
{
	unsigned y = TOP;
	char text[64];

	for (size_t z = 0; z < p->figures.nr_zones; z++) {
		const struct picture_zone *zone = &p->zone[z];

		if (!zone->nr_lines)
			continue;
		if (zone->node < 0)
			snprintf(text, sizeof(text), "%zu any node", z);
		else
			snprintf(text, sizeof(text), "%zu node %u", z,
				 (unsigned)zone->node);
		canvas->ops->text(canvas, MARGIN, y, text);
		for (size_t i = 0; i < zone->nr_lines; i++) {
			draw_line(p, canvas,
				  p->cell + (zone->first_line + i) * p->width,
				  picture_line_width(p, zone, i), y);
			y += LINE_HEIGHT;
		}
		y += ZONE_GAP;
	}
	return y;
}

static void draw_legend(const struct picture *p, struct canvas *canvas,
			unsigned y)
{
	struct canvas_box box = { MARGIN, y, 24, LINE_HEIGHT };
	char text[96], size[SIZE_TEXT_MAX];

	for (unsigned i = 0; i < p->nr_classes; i++) {
		if (i && !p->class[i].bytes)
			continue;
		canvas->ops->fill(canvas, &box, p->class[i].rgb);
		snprintf(text, sizeof(text), "%s: %s", p->class[i].name,
			 size_format(size, p->class[i].bytes));
		canvas->ops->text(canvas, MARGIN + 36, box.y, text);
		box.y += LEGEND_HEIGHT;
	}
	canvas->ops->frame(canvas, &box, MARK_RGB);
	snprintf(text, sizeof(text), "largest free run: %s",
		 size_format(size, p->largest_bytes));
	canvas->ops->text(canvas, MARGIN + 36, box.y, text);
}

static void make_title(const struct picture *p, const struct segment *segment,
		       char *text, size_t bytes)
{
	char used[SIZE_TEXT_MAX], all[SIZE_TEXT_MAX];

	snprintf(text, bytes, "%s, process %u: %s of %s in use",
		 segment->head.program, segment->head.pid,
		 size_format(used, p->figures.used_bytes),
		 size_format(all, p->figures.heap_bytes));
}

static int draw(const struct picture *p, const struct segment *segment,
		FILE *out,
		int (*begin)(struct canvas *canvas, const char *title))
{
	struct canvas canvas = { .out = out };
	char text[160], size[SIZE_TEXT_MAX];

	make_title(p, segment, text, sizeof(text));
	canvas.width = 2 * MARGIN + LABEL_WIDTH + (unsigned)p->width;
	canvas.height = TOP + zones_height(p) + MARGIN +
			(p->nr_classes + 1) * LEGEND_HEIGHT;
	if (begin(&canvas, text))
		return -1;
	canvas.ops->text(&canvas, MARGIN, MARGIN, text);
	snprintf(text, sizeof(text), "a line is %s, from left to right",
		 size_format(size, p->line_pages * p->figures.page_bytes));
	canvas.ops->text(&canvas, MARGIN, MARGIN + LEGEND_HEIGHT - 2, text);
	draw_legend(p, &canvas, draw_zones(p, &canvas));
	return canvas.ops->end(&canvas);
}

int picture_write_svg(const struct picture *picture,
		      const struct segment *segment, FILE *out)
{
	return draw(picture, segment, out, canvas_svg_begin);
}

int picture_write_png(const struct picture *picture,
		      const struct segment *segment, FILE *out)
{
	return draw(picture, segment, out, canvas_png_begin);
}
