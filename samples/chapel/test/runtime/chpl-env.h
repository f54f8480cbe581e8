/* SPDX-License-Identifier: BSD-2-Clause */
/* chpl-env.h: see chpltypes.h. */
#ifndef TEST_CHPL_ENV_H
#define TEST_CHPL_ENV_H

/* The variable CHPL_RT_..., or the default. */
const char *chpl_env_rt_get(const char *ev, const char *dflt);

#endif
