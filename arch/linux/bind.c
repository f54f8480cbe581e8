/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bind.c: which node memory comes from, as the kernel is told and asked.
 *
 * 1. What the kernel stored is read back after each mbind: it drops nodes that
 *    are outside the cpuset or have no memory from a mask without a word.
 * 2. A mask of one node is given as static, which matters when the cpuset loses
 *    the node: without, the kernel writes another node into the policy and
 *    leaves it there when the node comes back; with it, new pages come from the
 *    node again.  With one node there is nothing to drop that would not be an
 *    error, so the check loses nothing; of a larger static mask the kernel
 *    would answer what it was given instead of what it uses.  PREFERRED is
 *    never rewritten since Linux 5.14, and needs no flag; with it, the kernel
 *    answers with the cpuset instead of the mask once that has changed.
 * 3. LOCAL is a policy of its own, not the absence of one: without any, the
 *    thread's counts, which numactl sets for whole programs.
 * 4. A page of a shared object that was touched by another mapping is in
 *    memory, but move_pages does not know it here: mincore does, and reading it
 *    maps it.  Kernels before 5.14 cannot be asked to read without a risk;
 *    there such pages count as absent.
 * 5. errno is kept.
 *
 * A container may forbid these calls with EPERM, which none of them gives by
 * itself: that is the same to us as a kernel without nodes, ENOSYS.
 *
 * Locking: none.  Cost: in host.h.  What it is not: a count of what nodes have;
 * see pages.c.
 */
#include <errno.h>
#include <numaif.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host.h"

/* The kernel's mask of NODE_IDS bits; it takes one off. */
#define MASK_BITS (NODE_IDS + 1)

/* Not in numaif.h, or only in newer ones. */
#define POLICY_STATIC (1 << 15)
#define POLICY_FLAGS (7 << 13)
#define POLICY_PREFERRED_MANY 5
#define POLICY_WEIGHTED_INTERLEAVE 6
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/* Pages in a row that are looked at together. */
#define ROW_PAGES 512

struct range {
	void *start;
	size_t bytes;
};

/* What errno means to mm/. */
static int error(void)
{
	switch (errno) {
	case EPERM:
		return -ENOSYS;
	case EFAULT:
		return -EINVAL;
	default:
		return -errno;
	}
}

static bool is_range(const struct range *range)
{
	size_t mask = (size_t)sysconf(_SC_PAGESIZE) - 1;
	uintptr_t start = (uintptr_t)range->start;

	return range->bytes && !(range->bytes & mask) && !(start & mask) &&
	       start + range->bytes > start;
}

static int tell(const struct range *range, int mode,
		const struct nodemask *nodes)
{
	long err;

	if (nodes && mode != MPOL_PREFERRED && nodemask_weight(nodes) == 1)
		mode |= POLICY_STATIC;
	err = mbind(range->start, range->bytes, mode,
		    nodes ? (const unsigned long *)nodes->word : NULL,
		    nodes ? MASK_BITS : 0, 0);
	return err ? error() : 0;
}

/* addr NULL: the policy of the calling thread.  The mode without flags. */
static int ask(const void *addr, int *mode, struct nodemask *nodes)
{
	*nodes = NODEMASK_NONE;
	if (get_mempolicy(mode, (unsigned long *)nodes->word, MASK_BITS,
			  (void *)(uintptr_t)addr, addr ? MPOL_F_ADDR : 0))
		return error();
	*mode &= ~POLICY_FLAGS;
	return 0;
}

/*
 * The kernel did not take the mask.  0: it knows no policy that prefers
 * several nodes, but may use them all; -EXDEV: there are some among them that
 * it cannot even count; -EINVAL: anything else.
 */
static int why_invalid(int mode, const struct nodemask *nodes)
{
	struct nodemask allowed;

	if (host_allowed_nodes(&allowed))
		return -EINVAL;
	if (nodemask_subset(nodes, &allowed))
		return mode == POLICY_PREFERRED_MANY ? 0 : -EINVAL;
	allowed = nodemask_and(nodes, &allowed);
	return nodemask_empty(&allowed) ? -EINVAL : -EXDEV;
}

/* Tell it and read it back. */
static int bind_nodes(const struct range *range, int mode,
		      const struct nodemask *nodes)
{
	struct nodemask wanted = *nodes, stored;
	int err = tell(range, mode, &wanted);

	if (err == -EINVAL) {
		err = why_invalid(mode, nodes);
		if (!err) {
			mode = MPOL_PREFERRED;
			wanted = nodemask_of(nodemask_first(nodes));
			err = tell(range, mode, &wanted);
		}
	}
	if (!err) {
		err = ask(range->start, &mode, &stored);
		if (!err && !nodemask_eq(&wanted, &stored))
			err = -EXDEV;
		else if (!err)
			return 0;
	}
	/* A range that is none cannot be LOCAL either. */
	if (err == -EXDEV || err == -ENOSYS)
		err = tell(range, MPOL_LOCAL, NULL) == -EINVAL ? -EINVAL : err;
	return err;
}

static int mode_of(enum host_policy policy, const struct nodemask *nodes)
{
	switch (policy) {
	case HOST_POLICY_BIND:
		return MPOL_BIND;
	case HOST_POLICY_PREFERRED:
		return nodemask_weight(nodes) == 1 ? MPOL_PREFERRED
						   : POLICY_PREFERRED_MANY;
	case HOST_POLICY_INTERLEAVE:
		return MPOL_INTERLEAVE;
	default:
		return -1;
	}
}

int host_bind(void *start, size_t bytes, enum host_policy policy,
	      const struct nodemask *nodes)
{
	const struct range range = { start, bytes };
	int saved = errno, err = -EINVAL;

	if (!is_range(&range))
		return -EINVAL;
	if (policy == HOST_POLICY_LOCAL)
		err = tell(&range, MPOL_LOCAL, NULL);
	else if (nodes && !nodemask_empty(nodes) && mode_of(policy, nodes) >= 0)
		err = bind_nodes(&range, mode_of(policy, nodes), nodes);
	errno = saved;
	return err;
}

/* How many of the pages, of which none is known, are in a row. */
static u32 row_of(void *const *addr, const int *node, u32 nr, size_t page)
{
	uintptr_t first = (uintptr_t)addr[0] / page;
	u32 i = 1;

	while (i < nr && i < ROW_PAGES && node[i] < 0 &&
	       (uintptr_t)addr[i] / page == first + i)
		i++;
	return i;
}

/* Map what is in memory of nr pages in a row; whether there was any. */
static bool map_row(const void *addr, u32 nr, size_t page)
{
	char *start = (char *)round_down((uintptr_t)addr, page);
	unsigned char in_core[ROW_PAGES];
	bool any = false;
	u32 i;

	if (mincore(start, nr * page, in_core))
		return false;
	for (i = 0; i < nr; i++)
		any |= in_core[i] & 1 &&
		       !madvise(start + i * page, page, MADV_POPULATE_READ);
	return any;
}

static int ask_nodes(void *const *addr, int *node, u32 nr)
{
	return move_pages(0, nr, (void **)(uintptr_t)addr, NULL, node, 0)
		       ? error()
		       : 0;
}

int host_nodes_of(void *const *addr, int *node, u32 nr)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int saved = errno, err = nr ? ask_nodes(addr, node, nr) : 0;
	bool any = false;
	u32 i, row;

	for (i = 0; i < nr && !err; i += row) {
		row = 1;
		if (node[i] >= 0)
			continue;
		row = row_of(addr + i, node + i, nr - i, page);
		any |= map_row(addr[i], row, page);
	}
	if (any)
		err = ask_nodes(addr, node, nr);
	errno = saved;
	return err;
}

static enum host_policy policy_of(int mode, const struct nodemask *nodes)
{
	switch (mode) {
	case MPOL_BIND:
		return HOST_POLICY_BIND;
	case MPOL_INTERLEAVE:
	case POLICY_WEIGHTED_INTERLEAVE:
		return HOST_POLICY_INTERLEAVE;
	case MPOL_PREFERRED:
	case POLICY_PREFERRED_MANY:
		/* Without nodes: LOCAL, as kernels before 5.14 say it. */
		return nodemask_empty(nodes) ? HOST_POLICY_LOCAL
					     : HOST_POLICY_PREFERRED;
	default:
		return HOST_POLICY_LOCAL;
	}
}

int host_policy_of(const void *addr, enum host_policy *policy,
		   struct nodemask *nodes)
{
	int saved = errno, mode = MPOL_DEFAULT;
	int err = ask(addr, &mode, nodes);

	if (!err && mode == MPOL_DEFAULT && addr)
		err = ask(NULL, &mode, nodes);
	if (!err) {
		*policy = policy_of(mode, nodes);
		if (*policy == HOST_POLICY_LOCAL)
			*nodes = NODEMASK_NONE;
	}
	errno = saved;
	return err;
}

int host_allowed_nodes(struct nodemask *nodes)
{
	int saved = errno, err = 0;

	*nodes = NODEMASK_NONE;
	if (get_mempolicy(NULL, (unsigned long *)nodes->word, MASK_BITS, NULL,
			  MPOL_F_MEMS_ALLOWED))
		err = error();
	errno = saved;
	return err;
}
