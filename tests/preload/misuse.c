/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * misuse.c: misuse WHAT: one mistake, which must end the program
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So that the compiler does not see what is done here. */
static void *volatile hidden;

int main(int argc, char **argv)
{
	static char somewhere[64];
	const char *what = argc == 2 ? argv[1] : "";

	if (!strcmp(what, "double-large")) {
		hidden = malloc(1 << 20);
		free(hidden);
		free(hidden);
	} else if (!strcmp(what, "double-small")) {
		hidden = malloc(100);
		free(hidden);
		free(hidden);
	} else if (!strcmp(what, "interior-small")) {
		hidden = (char *)malloc(100) + 16;
		free(hidden);
	} else if (!strcmp(what, "foreign")) {
		hidden = somewhere;
		free(hidden);
	} else if (!strcmp(what, "interior")) {
		hidden = (char *)malloc(1 << 20) + 8192;
		free(hidden);
	} else if (!strcmp(what, "realloc-foreign")) {
		hidden = somewhere;
		hidden = realloc(hidden, 1000);
	} else if (!strcmp(what, "realloc-freed")) {
		hidden = malloc(100);
		free(hidden);
		hidden = realloc(hidden, 1000);
	} else if (!strcmp(what, "size-freed")) {
		hidden = malloc(100);
		free(hidden);
		printf("%zu bytes\n", malloc_usable_size(hidden));
	}
	printf("'%s' went unnoticed\n", what);
	return 0;
}
