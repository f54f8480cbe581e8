/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slots.h: the memory that `fixheap run --report` shares with the programs
 *
 * A file without a name, mapped by the command and by every process that
 * runs with the preload library.  One slot a process, written by that process
 * only and read by the command when the program has ended.
 *
 * 1. A slot belongs to whoever changed its pid from 0; it is never given
 *    back, so that the figures outlive the process.
 * 2. Every field is written whole (atomic, relaxed); fields of one slot may
 *    come from two moments, no field is ever half written.
 * 3. slots->magic is set before the first process starts.
 */
#ifndef TOOLS_SLOTS_H
#define TOOLS_SLOTS_H

#include <stdint.h>

#define SLOTS_MAGIC UINT64_C(0x3230706165687866) /* "fxheap02" */
#define SLOTS_MAX 65536

/* Where the figures go: "fd:pid:device:inode", numbers in decimal. */
#define REPORT_VARIABLE "FIXHEAP_REPORT"
#define HEAP_VARIABLE "FIXHEAP_HEAP"
#define HUGEPAGES_VARIABLE "FIXHEAP_HUGEPAGES"
#define DECAY_VARIABLE "FIXHEAP_DECAY" /* milliseconds */
#define PREFAULT_VARIABLE "FIXHEAP_PREFAULT"
#define SHARE_VARIABLE "FIXHEAP_SHARE"

enum slot_state {
	SLOT_RUNNING = 1,
	SLOT_FORKED,   /* as RUNNING, made by fork and not by exec */
	SLOT_REPLACED, /* the process has called exec since */
	SLOT_ENDED     /* the figures are final */
};

struct slot {
	uint32_t pid;
	uint32_t state;
	char name[16]; /* zero-padded, may fill all of it */
	uint64_t heap_bytes;
	uint64_t peak_live_bytes;
	uint64_t peak_used_bytes;
	uint64_t largest_run_bytes;
	uint64_t nr_allocs; /* calls of malloc and its family */
	uint64_t nr_frees;
	uint64_t nr_fails; /* calls that gave NULL */
	/* the first of these, as fixheap_explain says; 0 bytes: none yet */
	uint64_t refused_bytes;
	uint64_t refused_reason;  /* enum fixheap_reason */
	uint64_t refused_free;	  /* bytes that were free */
	uint64_t refused_largest; /* bytes that would have succeeded */
	uint64_t blocking_live;	  /* allocations in the way, 0: not known */
	uint64_t blocking_bytes;  /* pages that they have */
	uint64_t pad[7];	  /* two slots share no cache line */
};

struct slots {
	uint64_t magic;
	uint64_t nr_lost; /* processes that found no slot */
	uint64_t pad[14];
	struct slot slot[SLOTS_MAX];
};

#endif
