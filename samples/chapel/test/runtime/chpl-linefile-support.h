/* SPDX-License-Identifier: BSD-2-Clause */
/* chpl-linefile-support.h: see chpltypes.h. */
#ifndef TEST_CHPL_LINEFILE_SUPPORT_H
#define TEST_CHPL_LINEFILE_SUPPORT_H

#define CHPL_FILE_IDX_INTERNAL 1

#endif
