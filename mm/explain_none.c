/* SPDX-License-Identifier: BSD-2-Clause */
/* explain_none.c: a library built without CONFIG_EXPLAIN. */
#include <fixheap/fixheap.h>

#include <errno.h>

int fixheap_explain(struct fixheap *heap, const struct fixheap_array_attr *attr,
		    size_t bytes, struct fixheap_explanation *explanation)
{
	(void)heap;
	(void)attr;
	(void)bytes;
	(void)explanation;
	return -ENOTSUP;
}
