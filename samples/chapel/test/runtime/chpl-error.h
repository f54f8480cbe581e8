/* SPDX-License-Identifier: BSD-2-Clause */
/* chpl-error.h: see chpltypes.h. */
#ifndef TEST_CHPL_ERROR_H
#define TEST_CHPL_ERROR_H

void chpl_internal_error(const char *message);
void chpl_internal_error_v(const char *restrict format, ...)
	__attribute__((format(printf, 1, 2)));

#endif
