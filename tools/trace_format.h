/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace_format.h: the file that `fixheap record` writes, one a process
 *
 * A header of TRACE_HEADER_BYTES, then words of 64 bits, little-endian.  The
 * low three bits of a word say what it is:
 *
 *	0 NONE	 nothing: its writer died, or the end
 *	1 ALLOC	 bytes << 44 | place << 3: memory was given
 *	2 FREE	 place << 3: memory is given back
 *	3 BEGIN	 place << 3: realloc of it begins; it ends with a later FROM,
 *		 ALLOC (or FROM, FAIL: it is still where it was)
 *	4 FROM	 index << 3: the next word ends what BEGIN, the word of that
 *		 index, began; words count from 0
 *	5 MORE	 bytes << 9 | log2 of the alignment << 3: what the next ALLOC
 *		 or FAIL has no room for, its own bytes are 0; alignment 0: any
 *	6 FAIL	 bytes << 44: an allocation was refused
 *
 * place: a number that tells one live allocation from another, 41 bits; in a
 * recorded file the offset from the start of the heap, divided by 8.
 *
 * 1. Order: a FREE or BEGIN gets its place in the file before the memory is
 *    given back, an ALLOC after it was had, all from one counter.  So nothing
 *    is freed before it is allocated, nor given twice without a FREE between.
 * 2. FROM, MORE and the ALLOC or FAIL that they belong to are neighbours.  Of
 *    such a group the last word is written last: without it the rest is
 *    nothing.
 * 3. The file is the process's memory (a shared mapping): what was written is
 *    in it however the process ends.  It may be much longer than its words,
 *    and has holes then.  Words count up to the lesser of nr_words, nr_ready
 *    and what the file has.
 * 4. The file of a child made by fork begins where that of its parent was:
 *    with the first parent_words words of the file `parent`, in the same
 *    folder.
 */
#ifndef TOOLS_TRACE_FORMAT_H
#define TOOLS_TRACE_FORMAT_H

#include <stdint.h>

#define TRACE_MAGIC UINT64_C(0x0a65636172747866) /* "fxtrace\n" */
#define TRACE_VERSION 1
#define TRACE_HEADER_BYTES 4096

/* Where traces go: "SESSION:PATH", a number in hexadecimal; see cmd_record. */
#define RECORD_VARIABLE "FIXHEAP_RECORD"

enum trace_word {
	TRACE_NONE,
	TRACE_ALLOC,
	TRACE_FREE,
	TRACE_BEGIN,
	TRACE_FROM,
	TRACE_MORE,
	TRACE_FAIL
};

#define TRACE_KIND_MASK 7
#define TRACE_PLACE_SHIFT 3
#define TRACE_PLACE_MASK ((UINT64_C(1) << 41) - 1)
#define TRACE_BYTES_SHIFT 44
#define TRACE_BYTES_MAX ((UINT64_C(1) << 20) - 1)
#define TRACE_MORE_SHIFT 9
#define TRACE_MORE_MAX ((UINT64_C(1) << 55) - 1)
#define TRACE_GRAIN_SHIFT 3 /* of the offset that is a place */

struct trace_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_bytes; /* words begin here */
	uint64_t session;      /* the same in all files of one record */
	uint64_t nr_words;     /* taken by writers (A) */
	uint64_t nr_ready;     /* that the file has room for (A) */
	uint64_t heap_bytes;   /* 0: not known */
	uint32_t pid;
	uint32_t pad;
	char program[16];      /* zero-padded, may fill all of it */
	uint64_t parent_words; /* see 4; 0: no parent */
	char parent[256];      /* file name, no folder; ends with a zero */
};

#endif
