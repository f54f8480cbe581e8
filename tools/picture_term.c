/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * picture_term.c: a picture in the terminal
 *
 * A cell is a character: without colors the letter of its class, small where
 * less than half is in use; with colors a block, less dense where less is in
 * use.  The largest free run is made of '='.
 */
#include <ctype.h>
#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "picture_term.h"
#include "size.h"

#define WIDTH 64
#define WIDTH_MOST 400

void picture_term_set_utf8(struct picture_term *term)
{
	term->utf8 = term->style != MAP_ASCII &&
		     !strcmp(nl_langinfo(CODESET), "UTF-8");
}

struct picture_term picture_term_of_stdout(void)
{
	struct picture_term term = { .out = stdout, .width = WIDTH };
	struct winsize window;

	term.style = map_wants_color() ? map_best_style() : MAP_ASCII;
	picture_term_set_utf8(&term);
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) && window.ws_col > 32)
		term.width = window.ws_col - PICTURE_TERM_LABEL;
	if (term.width > WIDTH_MOST)
		term.width = WIDTH_MOST;
	term.lines_most = SIZE_MAX;
	return term;
}

static void set_color(const struct picture_class *class,
		      const struct picture_term *term)
{
	if (term->style == MAP_COLOR_24BIT)
		fprintf(term->out, "\033[38;2;%u;%u;%um", class->rgb >> 16,
			class->rgb >> 8 & 255, class->rgb & 255);
	else if (term->style == MAP_COLOR_256)
		fprintf(term->out, "\033[38;5;%um", class->color_256);
	else if (term->style == MAP_COLOR_8)
		fprintf(term->out, "\033[%um", class->color_8);
}

static void print_letter(const struct picture *p,
			 const struct picture_cell *cell,
			 const struct picture_term *term)
{
	char letter = p->class[cell->class].letter;

	if (!cell->class && cell->largest)
		fputc('=', term->out);
	else if (!cell->class)
		fputs(term->utf8 ? "\xc2\xb7" : ".",
		      term->out); /* middle dot */
	else if (!term->utf8)
		fputc(cell->tenths < 5 ? tolower((unsigned char)letter)
				       : letter,
		      term->out);
	else if (cell->tenths >= 7)
		fputs("\xe2\x96\x88", term->out); /* full block */
	else
		fputs(cell->tenths >= 3 ? "\xe2\x96\x93" /* dark shade */
					: "\xe2\x96\x92",
		      term->out); /* medium shade */
}

static void end_color(const struct picture_term *term)
{
	if (term->style != MAP_ASCII)
		fputs("\033[0m", term->out);
}

static void print_line(const struct picture *p, const struct picture_cell *cell,
		       size_t nr, const struct picture_term *term)
{
	unsigned before = PICTURE_CLASSES;

	for (size_t i = 0; i < nr; i++) {
		if (cell[i].class != before)
			set_color(&p->class[cell[i].class], term);
		before = cell[i].class;
		print_letter(p, &cell[i], term);
	}
	end_color(term);
	fputc('\n', term->out);
}

static void print_class(const struct picture *p, unsigned class,
			const struct picture_term *term)
{
	struct picture_cell cell = { .tenths = 10, .class = (uint8_t) class };

	set_color(&p->class[class], term);
	print_letter(p, &cell, term);
	end_color(term);
	fprintf(term->out, " %s", p->class[class].name);
}

static void print_legend(const struct picture *p,
			 const struct picture_term *term)
{
	char size[SIZE_TEXT_MAX];

	for (unsigned i = 0; i < p->nr_classes; i++) {
		if (i && !p->class[i].bytes)
			continue;
		print_class(p, i, term);
		fprintf(term->out, " %s\n",
			size_format(size, p->class[i].bytes));
	}
	fprintf(term->out, "= largest free run %s\n",
		size_format(size, p->largest_bytes));
}

static void print_lines(const struct picture *p,
			const struct picture_term *term)
{
	for (size_t z = 0; z < p->figures.nr_zones; z++) {
		const struct picture_zone *zone = &p->zone[z];
		char label[32] = "any node";

		if (zone->node >= 0)
			snprintf(label, sizeof(label), "node %u",
				 (unsigned)zone->node);
		for (size_t i = 0; i < zone->nr_lines; i++) {
			if (zone->first_line + i >= term->lines_most)
				return;
			if (i)
				fprintf(term->out, "%*s", PICTURE_TERM_LABEL,
					"");
			else
				fprintf(term->out, "%2zu %-*s", z,
					PICTURE_TERM_LABEL - 3, label);
			print_line(p,
				   p->cell + (zone->first_line + i) * p->width,
				   picture_line_width(p, zone, i), term);
		}
	}
}

void picture_print(const struct picture *p, const struct segment *segment,
		   const struct picture_term *term)
{
	char text[2][SIZE_TEXT_MAX];

	fprintf(term->out, "%s, process %u: %s of %s in use",
		segment->head.program, segment->head.pid,
		size_format(text[0], p->figures.used_bytes),
		size_format(text[1], p->figures.heap_bytes));
	fprintf(term->out, ", a line is %s\n",
		size_format(text[0], p->line_pages * p->figures.page_bytes));
	print_lines(p, term);
	print_legend(p, term);
}

void picture_print_short(const struct picture *p,
			 const struct picture_term *term)
{
	print_lines(p, term);
	if (p->nr_lines > term->lines_most)
		fprintf(term->out, "   and %zu more lines\n",
			p->nr_lines - term->lines_most);
	fputs("  ", term->out);
	print_class(p, 0, term);
	fputs("  = largest free run", term->out);
	for (unsigned i = 1; i < p->nr_classes; i++) {
		if (!p->class[i].bytes)
			continue;
		fputs("  ", term->out);
		print_class(p, i, term);
	}
	fputc('\n', term->out);
}
