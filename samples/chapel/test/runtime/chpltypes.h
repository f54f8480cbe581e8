/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chpltypes.h: the part of Chapel's header of this name that the memory layer
 * and its test use, for a machine without Chapel.  Like the other headers in
 * this folder it states the interface, no more; samples/chapel/README.
 */
#ifndef TEST_CHPLTYPES_H
#define TEST_CHPLTYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef _Bool chpl_bool;
typedef int32_t c_sublocid_t;
typedef int16_t chpl_mem_descInt_t;

#define c_sublocid_none_val -1

#endif
