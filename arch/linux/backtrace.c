/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backtrace.c: who called, by the tables that compilers make for exceptions.
 *
 * Its run-time library, which every program has, reads them; backtrace of the C
 * library would load that first, by way of malloc.
 *
 * Locking: what dl_iterate_phdr takes.
 */
#include "host.h"

#include <unwind.h>

struct trace {
	uintptr_t caller; /* 0: it was found */
	void **frame;
	u32 nr, max;
};

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *data)
{
	struct trace *trace = data;
	uintptr_t at = _Unwind_GetIP(context);

	if (trace->caller) {
		if (at == trace->caller)
			trace->caller = 0;
		return _URC_NO_REASON;
	}
	if (!at || trace->nr == trace->max)
		return _URC_END_OF_STACK;
	trace->frame[trace->nr++] = (void *)at;
	return _URC_NO_REASON;
}

u32 host_backtrace(const void *caller, void **frame, u32 nr)
{
	struct trace trace = { (uintptr_t)caller, frame, 0, nr };

	_Unwind_Backtrace(step, &trace);
	return trace.nr;
}
