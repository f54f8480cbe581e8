/* SPDX-License-Identifier: BSD-2-Clause */
/* ticket.h: arrays that are set aside before they are needed; see ticket.c. */
#ifndef MM_TICKET_H
#define MM_TICKET_H

#include "heap.h"

/*
 * ticket_use - make an array of what was set aside
 *
 * Of req, nr_pages, zero and tag count.  Live bytes are accounted, the rest is
 * given back.
 * Context: no lock.  Return: the array; or NULL and errno EINVAL: more pages
 * than there are, or no such ticket, which is reported for api.
 */
void *ticket_use(struct fixheap *heap, const char *api, u64 ticket,
		 const struct run_request *req);

#endif
