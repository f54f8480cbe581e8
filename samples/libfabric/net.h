/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net.h: one-sided access to the memory of one peer, with libfabric.
 *
 * Two processes that have a socket between them, for what is exchanged before
 * there is a network and for barriers.  All memory that the peer may reach is
 * registered, each byte at most once, which is counted here.
 */
#ifndef NET_H
#define NET_H

#include <rdma/fabric.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_REGISTRATIONS 256

struct net_registration {
	char *base; /* NULL: not in use */
	size_t bytes;
	struct fid_mr *mr;
};

struct net {
	int socket;
	struct fi_info *info;
	struct fid_fabric *fabric;
	struct fid_domain *domain;
	struct fid_ep *ep;
	struct fid_av *av;
	struct fid_cq *cq;
	fi_addr_t peer;
	struct net_registration registration[NET_REGISTRATIONS];
	size_t nr_registered, registered_bytes; /* now */
	size_t nr_registrations;		/* ever */
	uint64_t next_key;
};

/* A place in the peer's memory. */
struct net_place {
	uint64_t key, address;
};

/* All that return int: 0, or -1 after writing what is wrong. */
int net_open(struct net *net, int socket, const char *provider);
void net_close(struct net *net);

/* *key is what the peer needs; the same range twice, or one that overlaps what
 * is registered, is an error. */
int net_register(struct net *net, void *base, size_t bytes, uint64_t *key);
int net_deregister(struct net *net, const void *base, size_t bytes);
/* The registration that ptr lies in, or NULL. */
struct net_registration *net_registration(struct net *net, const void *ptr);

/* Where the peer finds what is offset bytes behind base. */
struct net_place net_place(const struct net *net, uint64_t key,
			   const void *base, size_t offset);
/* From or into registered memory, complete at the peer when they return. */
int net_write(struct net *net, const void *from, size_t bytes,
	      struct net_place to);
int net_read(struct net *net, void *to, size_t bytes, struct net_place from);

/* Both call it; the network goes on meanwhile. */
int net_exchange(struct net *net, const void *mine, void *theirs, size_t bytes);
int net_barrier(struct net *net);

#endif
