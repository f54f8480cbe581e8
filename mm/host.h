/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.h: the only door to the machine.  mm/ calls nothing else of the
 * operating system but pthread locks.  arch/linux/host.c is the real one,
 * arch/sim/host.c (with arch/sim/host_sim.h) a simulated machine for tests;
 * which is used is decided at link time.
 *
 * Nothing here may be called with a zone lock held, except host_this_cpu.
 */
#ifndef MM_HOST_H
#define MM_HOST_H

#include "types.h"

/* Nodes, CPUs and distances of the machine; filled once, constant after. */
struct topology {
	u32 nr_nodes;			   /* 1 to NODES_MAX */
	u32 nr_cpus;			   /* possible CPUs, 1 to CPUS_MAX */
	u64 node_bytes[NODES_MAX];	   /* memory of each node */
	u8 distance[NODES_MAX][NODES_MAX]; /* 10 is local */
	u8 cpu_node[CPUS_MAX];
};

/* Describe the machine.  0 or -errno; without NUMA: one node. */
int host_topology(struct topology *topo);
/* CPU that the caller runs on, below topology.nr_cpus; a hint. No lock. */
u32 host_this_cpu(void);

/*
 * Address space that reads as zero and takes memory where it is touched: for
 * metadata.  NULL when the system refuses.  Page aligned.
 */
void *host_reserve(size_t bytes);
void host_release(void *start, size_t bytes);

/*
 * Memory for a heap that the caller did not bring, aligned to 2 MiB, which is
 * at least fixheap's largest page; hugepages: ask for huge ones.  NULL when
 * the system refuses.
 */
void *host_map(size_t bytes, bool hugepages);
void host_unmap(void *start, size_t bytes);

/* Clear memory; large ranges bypass the cache where the CPU can. */
void host_clear(void *start, size_t bytes);

/* 64 bits that nobody outside can guess. */
u64 host_random(void);
/* Make every running thread of the process pass a full barrier. 0 or -errno. */
int host_membarrier(void);
/* Let another thread run. */
void host_yield(void);

/* Write text to stderr: the fault message and validate's report. */
void host_print(const char *text, size_t bytes);
/*
 * Name the code at an address as MODULE+0xOFFSET, such that `addr2line -e
 * MODULE 0xOFFSET` finds it; as a plain 0xADDRESS where no module is known.  A
 * path that is too long for the room is left out but for its last part.
 */
void host_symbol(const void *address, char *text, size_t bytes);
void host_abort(void) __attribute__((noreturn));

#endif
