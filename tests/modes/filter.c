/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.c: memory that no system call may change: "pinned" taken literally.
 *
 * A filter of the kernel (seccomp) looks at every system call of the process.
 * One that changes a mapping, binds memory or drops pages ends the process with
 * SIGSYS if its range touches the blob; move_pages does if it is told where to
 * move them, and so do migrate_pages, which knows no ranges, and
 * process_madvise, whose ranges the filter cannot see.
 *
 * The machine of these filters has 32 bits, a range 64: so it keeps the halves
 * of the end, with the carry of their sum, in its scratch memory, and compares
 * the upper halves, then the lower ones.  A range that wraps is no range to the
 * kernel either.
 */
#include "filter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "support.h"

/* Not on a page's border: what the heap leaves unused is not touched either. */
#define SKEW 1000

#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

enum {
	ANY = 0x1,
	RANGE = 0x2,
	NEW_RANGE = 0x4,
	NODES = 0x8,
	FIXED = 0x10
};

/* Calls, and which of their arguments tell that they touch the blob. */
static const struct rule {
	unsigned call;
	unsigned kind;
} rules[] = {
	{ SYS_madvise, RANGE },
	{ SYS_munmap, RANGE },
	{ SYS_mprotect, RANGE },
	{ SYS_pkey_mprotect, RANGE },
	{ SYS_mremap, RANGE | NEW_RANGE },
	{ SYS_mmap, RANGE | FIXED },
	{ SYS_mbind, RANGE },
	{ SYS_set_mempolicy_home_node, RANGE },
	{ SYS_remap_file_pages, RANGE },
	{ SYS_munlock, RANGE },
	{ SYS_migrate_pages, ANY },
	{ SYS_process_madvise, ANY },
	{ SYS_move_pages, NODES },
};

static char *blob;

void *filter_blob(void)
{
	const size_t guard = 4 * MIB;
	char *all;

	if (blob)
		return blob;
	all = mmap(NULL, HEAP_BYTES + 2 * guard, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(all != MAP_FAILED);
	must(!mprotect(all + guard, HEAP_BYTES + MIB, PROT_READ | PROT_WRITE));
	blob = all + guard + SKEW;
	memset(blob, 0xa5, HEAP_BYTES);
	return blob;
}

/* ---- the filter's program ------------------------------------------------ */

#define PROGRAM_MAX 512
#define KILL SECCOMP_RET_KILL_PROCESS

struct code {
	struct sock_filter line[PROGRAM_MAX];
	unsigned nr;
};

static void emit(struct code *c, unsigned code, unsigned jt, unsigned jf,
		 uint32_t k)
{
	must(c->nr < PROGRAM_MAX);
	c->line[c->nr++] = (struct sock_filter){ (uint16_t)code, (uint8_t)jt,
						 (uint8_t)jf, k };
}

#define STMT(code, k) emit(c, (code), 0, 0, (k))
#define JUMP(code, k, jt, jf) emit(c, BPF_JMP | (code) | BPF_K, (jt), (jf), (k))
#define LOAD (BPF_LD | BPF_W | BPF_ABS)

/* Byte offsets of the halves of argument i, on little-endian machines. */
static uint32_t low_half(unsigned i)
{
	return (uint32_t)offsetof(struct seccomp_data, args[i]);
}

static uint32_t high_half(unsigned i)
{
	return low_half(i) + 4;
}

/*
 * Kill if [argument at, + argument len) touches the blob; else go on behind.
 * M[0] is the low half of the end, X the carry, then the high half.
 */
static void emit_range(struct code *c, unsigned at, unsigned len)
{
	uint64_t from = (uintptr_t)blob, to = from + HEAP_BYTES;
	uint32_t from_high = (uint32_t)(from >> 32), from_low = (uint32_t)from;
	uint32_t to_high = (uint32_t)(to >> 32), to_low = (uint32_t)to;

	/* Nothing is touched by no bytes. */
	STMT(LOAD, low_half(len));
	JUMP(BPF_JEQ, 0, 0, 2);
	STMT(LOAD, high_half(len));
	JUMP(BPF_JEQ, 0, 25, 0);
	/* end, low half */
	STMT(LOAD, low_half(at));
	STMT(BPF_MISC | BPF_TAX, 0);
	STMT(LOAD, low_half(len));
	STMT(BPF_ALU | BPF_ADD | BPF_X, 0);
	STMT(BPF_ST, 0);
	/* the carry: it is less than what was added to */
	emit(c, BPF_JMP | BPF_JGE | BPF_X, 2, 0, 0);
	STMT(BPF_LD | BPF_IMM, 1);
	JUMP(BPF_JA, 1, 0, 0);
	STMT(BPF_LD | BPF_IMM, 0);
	STMT(BPF_MISC | BPF_TAX, 0);
	/* end, high half */
	STMT(LOAD, high_half(at));
	STMT(BPF_ALU | BPF_ADD | BPF_X, 0);
	STMT(BPF_MISC | BPF_TAX, 0);
	STMT(LOAD, high_half(len));
	STMT(BPF_ALU | BPF_ADD | BPF_X, 0);
	/* end <= from: it lies below; 8 lines to what is behind */
	JUMP(BPF_JGT, from_high, 3, 0);
	JUMP(BPF_JGE, from_high, 0, 8);
	STMT(BPF_LD | BPF_MEM, 0);
	JUMP(BPF_JGT, from_low, 0, 6);
	/* at >= to: it lies above */
	STMT(LOAD, high_half(at));
	JUMP(BPF_JGT, to_high, 4, 0);
	JUMP(BPF_JGE, to_high, 0, 2);
	STMT(LOAD, low_half(at));
	JUMP(BPF_JGE, to_low, 1, 0);
	STMT(BPF_RET | BPF_K, KILL);
}

/* What a rule's call may not be; with the number of the call matched. */
static void emit_rule(struct code *c, const struct rule *rule)
{
	if (rule->kind & ANY)
		STMT(BPF_RET | BPF_K, KILL);
	if (rule->kind & NODES) {
		STMT(LOAD, low_half(3));
		JUMP(BPF_JEQ, 0, 0, 2);
		STMT(LOAD, high_half(3));
		JUMP(BPF_JEQ, 0, 1, 0);
		STMT(BPF_RET | BPF_K, KILL);
	}
	if (rule->kind & FIXED) {
		STMT(LOAD, low_half(3));
		JUMP(BPF_JSET, MAP_FIXED, 1, 0);
		STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	if (rule->kind & RANGE)
		emit_range(c, 0, 1);
	if (rule->kind & NEW_RANGE) {
		STMT(LOAD, low_half(3));
		JUMP(BPF_JSET, MREMAP_FIXED, 1, 0);
		STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
		emit_range(c, 4, 2);
	}
	STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
}

bool filter_install(void)
{
	static struct code code;
	struct code *c = &code;
	struct sock_fprog program;

	filter_blob();
	c->nr = 0;
	for (unsigned i = 0; i < ARRAY_LEN(rules); i++) {
		unsigned start;

		STMT(LOAD, offsetof(struct seccomp_data, nr));
		start = c->nr;
		JUMP(BPF_JEQ, rules[i].call, 0, 0);
		emit_rule(c, &rules[i]);
		c->line[start].jf = (uint8_t)(c->nr - start - 1);
	}
	STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = (unsigned short)c->nr;
	program.filter = c->line;
	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
