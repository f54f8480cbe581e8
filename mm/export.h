/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * export.h: included in front of every source file of the library, which is
 * compiled with -fvisibility=hidden.  The first declaration of a function
 * decides whether it is visible outside: so the public ones are declared here,
 * and the public header needs no attributes.
 */
#ifndef MM_EXPORT_H
#define MM_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)
#include <fixheap/fixheap.h>
#include <fixheap/segment.h>
#pragma GCC visibility pop

#endif
