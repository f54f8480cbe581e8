/* SPDX-License-Identifier: BSD-2-Clause */
/* chpl-mem-array.h: see chpltypes.h. */
#ifndef TEST_CHPL_MEM_ARRAY_H
#define TEST_CHPL_MEM_ARRAY_H

#include "chpl-comm.h"
#include "chpl-mem.h"

#include "chpl-mem-array-impl.h"

#endif
