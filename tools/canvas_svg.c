/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * canvas_svg.c: an SVG file, written as it is drawn.
 */
#include "canvas.h"

static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else
			fputc(*text, out);
	}
}

static void fill(struct canvas *canvas, const struct canvas_box *box,
		 uint32_t rgb)
{
	fprintf(canvas->out,
		"<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" "
		"fill=\"#%06x\"/>\n",
		box->x, box->y, box->width, box->height, (unsigned)rgb);
}

static void frame(struct canvas *canvas, const struct canvas_box *box,
		  uint32_t rgb)
{
	fprintf(canvas->out,
		"<rect class=\"largest\" x=\"%u.5\" y=\"%u.5\" width=\"%u\" "
		"height=\"%u\" fill=\"none\" stroke=\"#%06x\"/>\n",
		box->x, box->y, box->width - 1, box->height - 1, (unsigned)rgb);
}

static void text_at(struct canvas *canvas, unsigned x, unsigned y,
		    const char *text)
{
	fprintf(canvas->out, "<text x=\"%u\" y=\"%u\">", x, y + 13);
	put_text(canvas->out, text);
	fputs("</text>\n", canvas->out);
}

static int end(struct canvas *canvas)
{
	fputs("</svg>\n", canvas->out);
	return fflush(canvas->out) || ferror(canvas->out) ? -1 : 0;
}

int canvas_svg_begin(struct canvas *canvas, const char *title)
{
	static const struct canvas_ops ops = { fill, frame, text_at, end };
	const struct canvas_box all = { 0, 0, canvas->width, canvas->height };

	canvas->ops = &ops;
	fprintf(canvas->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" "
		"height=\"%u\" viewBox=\"0 0 %u %u\" "
		"font-family=\"monospace\" font-size=\"16\" "
		"shape-rendering=\"crispEdges\">\n<title>",
		canvas->width, canvas->height, canvas->width, canvas->height);
	put_text(canvas->out, title);
	fputs("</title>\n", canvas->out);
	fill(canvas, &all, 0xffffff);
	return 0;
}
