/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bind_none.c: in place of bind.c, without libnuma: nobody can say where memory
 * comes from.  See numa_none.c.
 */
#include <errno.h>

#include "host.h"

int host_bind(void *start, size_t bytes, enum host_policy policy,
	      const struct nodemask *nodes)
{
	(void)start;
	(void)bytes;
	(void)policy;
	(void)nodes;
	return -ENOSYS;
}

int host_nodes_of(void *const *addr, int *node, u32 nr)
{
	(void)addr;
	(void)node;
	(void)nr;
	return -ENOSYS;
}

int host_policy_of(const void *addr, enum host_policy *policy,
		   struct nodemask *nodes)
{
	(void)addr;
	(void)policy;
	(void)nodes;
	return -ENOSYS;
}

int host_allowed_nodes(struct nodemask *nodes)
{
	(void)nodes;
	return -ENOSYS;
}
