/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * canvas.h: what a picture is drawn on: an SVG file, or pixels for a PNG one.
 */
#ifndef TOOLS_CANVAS_H
#define TOOLS_CANVAS_H

#include <stdint.h>
#include <stdio.h>

/* Room for a letter on any canvas. */
#define CANVAS_LETTER_WIDTH 12
#define CANVAS_LETTER_HEIGHT 16

struct canvas_box {
	unsigned x, y, width, height;
};

struct canvas;

struct canvas_ops {
	void (*fill)(struct canvas *canvas, const struct canvas_box *box,
		     uint32_t rgb);
	/* Around the inside of the box. */
	void (*frame)(struct canvas *canvas, const struct canvas_box *box,
		      uint32_t rgb);
	/* In ASCII; y is the top of the letters. */
	void (*text)(struct canvas *canvas, unsigned x, unsigned y,
		     const char *text);
	/* Write what is not yet written, let it go.  0, or -1 with errno. */
	int (*end)(struct canvas *canvas);
};

struct canvas {
	const struct canvas_ops *ops;
	FILE *out;
	unsigned width, height;
	uint8_t *pixel; /* PNG */
};

/* White.  0, or -1 with errno. */
int canvas_svg_begin(struct canvas *canvas, const char *title);
int canvas_png_begin(struct canvas *canvas, const char *title);

#endif
