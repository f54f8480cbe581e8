/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attach_none.c: what looks at programs, in a build without ATTACH.
 */
#include "tool.h"

static int nothing(void)
{
	complain("this fixheap was built without CONFIG_ATTACH");
	return EXIT_OURS;
}

int cmd_stat(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return nothing();
}

int cmd_top(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return nothing();
}

int cmd_map(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return nothing();
}
