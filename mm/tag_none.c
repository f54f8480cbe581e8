/* SPDX-License-Identifier: BSD-2-Clause */
/* tag_none.c: the functions of tag.c in a library built without CONFIG_TAGS. */
#include <fixheap/fixheap.h>

#include <errno.h>

int fixheap_set_tag(unsigned tag)
{
	(void)tag;
	return -ENOTSUP;
}

int fixheap_tags(struct fixheap *heap,
		 int (*fn)(void *data, const struct fixheap_tag *tag),
		 void *data)
{
	(void)heap;
	(void)fn;
	(void)data;
	return -ENOTSUP;
}
