/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kconfig.h: included in front of every source file, behind autoconf.h, which
 * has a line `#define CONFIG_X 1` for each symbol that is on and nothing for
 * those that are off.
 *
 * IS_ENABLED(CONFIG_X) is 1 or 0, in C and in the preprocessor alike.  Write
 * `if (IS_ENABLED(CONFIG_X))` rather than #ifdef: the compiler sees both
 * sides, and drops the one that is not wanted.
 *
 * How: for a symbol that is on, KCONFIG_ARG_ and its value paste to
 * KCONFIG_ARG_1, which stands for `0,` and so moves the 1 to the second
 * place; anything else is one argument, and the 0 is second.
 */
#ifndef MM_KCONFIG_H
#define MM_KCONFIG_H

#define KCONFIG_ARG_1 0,
#define KCONFIG_SECOND(first, second, ...) second
#define KCONFIG_PICK(arg) KCONFIG_SECOND(arg 1, 0, 0)
#define KCONFIG_PASTE(value) KCONFIG_PICK(KCONFIG_ARG_##value)
#define IS_ENABLED(symbol) KCONFIG_PASTE(symbol)

#endif
