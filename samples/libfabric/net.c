/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net.c: see net.h.
 *
 * Reliable datagrams (FI_EP_RDM), and one completion queue.  What providers ask
 * of a registration differs: whether they choose its key, whether a place is an
 * address or an offset, whether local memory must be registered, too.  All of
 * these are served (info->domain_attr->mr_mode).  A target that waits must read
 * its queue, or some providers do not go on.
 */
#include "net.h"

#include <rdma/fi_cm.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACCESS (FI_READ | FI_WRITE | FI_REMOTE_READ | FI_REMOTE_WRITE)
#define NAME_BYTES 256

static int failed(const char *call, long error)
{
	printf("# %s: %s\n", call, fi_strerror((int)-error));
	return -1;
}

/* ---- opening ------------------------------------------------------------ */

static int find_provider(struct net *net, const char *provider)
{
	struct fi_info *hints = fi_allocinfo();
	/* shared memory has no address on the loopback device */
	bool ip = strcmp(provider, "shm");
	int error;

	if (!hints)
		return -1;
	hints->fabric_attr->prov_name = strdup(provider);
	hints->ep_attr->type = FI_EP_RDM;
	hints->caps = FI_MSG | FI_RMA;
	hints->tx_attr->op_flags = FI_DELIVERY_COMPLETE;
	hints->domain_attr->mr_mode = FI_MR_LOCAL | FI_MR_VIRT_ADDR |
				      FI_MR_ALLOCATED | FI_MR_PROV_KEY;
	hints->addr_format = ip ? FI_SOCKADDR_IN : FI_FORMAT_UNSPEC;
	error = fi_getinfo(FI_VERSION(1, 9), ip ? "127.0.0.1" : NULL, NULL,
			   ip ? FI_SOURCE : 0, hints, &net->info);
	fi_freeinfo(hints);
	return error ? failed("fi_getinfo", error) : 0;
}

static int open_endpoint(struct net *net)
{
	struct fi_cq_attr cq = { .format = FI_CQ_FORMAT_CONTEXT };
	struct fi_av_attr av = { .type = FI_AV_TABLE };
	int error;

	error = fi_fabric(net->info->fabric_attr, &net->fabric, NULL);
	if (error)
		return failed("fi_fabric", error);
	error = fi_domain(net->fabric, net->info, &net->domain, NULL);
	if (error)
		return failed("fi_domain", error);
	error = fi_cq_open(net->domain, &cq, &net->cq, NULL);
	if (error)
		return failed("fi_cq_open", error);
	error = fi_av_open(net->domain, &av, &net->av, NULL);
	if (error)
		return failed("fi_av_open", error);
	error = fi_endpoint(net->domain, net->info, &net->ep, NULL);
	if (error)
		return failed("fi_endpoint", error);
	error = fi_ep_bind(net->ep, &net->av->fid, 0);
	if (!error)
		error = fi_ep_bind(net->ep, &net->cq->fid,
				   FI_TRANSMIT | FI_RECV);
	if (!error)
		error = fi_enable(net->ep);
	return error ? failed("fi_enable", error) : 0;
}

int net_open(struct net *net, int socket, const char *provider)
{
	char mine[NAME_BYTES] = { 0 }, theirs[NAME_BYTES];
	size_t length = sizeof(mine);
	int error;

	memset(net, 0, sizeof(*net));
	net->socket = socket;
	net->next_key = 1;
	if (find_provider(net, provider) || open_endpoint(net))
		return -1;
	error = fi_getname(&net->ep->fid, mine, &length);
	if (error)
		return failed("fi_getname", error);
	if (net_exchange(net, mine, theirs, sizeof(mine)))
		return -1;
	if (fi_av_insert(net->av, theirs, 1, &net->peer, 0, NULL) != 1)
		return failed("fi_av_insert", -FI_EINVAL);
	return 0;
}

static void close_fid(struct fid *fid)
{
	int error = fi_close(fid);

	if (error)
		failed("fi_close", error);
}

void net_close(struct net *net)
{
	if (net->ep)
		close_fid(&net->ep->fid);
	if (net->av)
		close_fid(&net->av->fid);
	if (net->cq)
		close_fid(&net->cq->fid);
	if (net->domain)
		close_fid(&net->domain->fid);
	if (net->fabric)
		close_fid(&net->fabric->fid);
	if (net->info)
		fi_freeinfo(net->info);
}

/* ---- registration ------------------------------------------------------- */

struct net_registration *net_registration(struct net *net, const void *ptr)
{
	struct net_registration *r = net->registration;

	for (; r < net->registration + NET_REGISTRATIONS; r++) {
		if (r->base && (const char *)ptr >= r->base &&
		    (const char *)ptr < r->base + r->bytes)
			return r;
	}
	return NULL;
}

static struct net_registration *free_entry(struct net *net, const char *base,
					   size_t bytes)
{
	struct net_registration *r = net->registration, *entry = NULL;

	for (; r < net->registration + NET_REGISTRATIONS; r++) {
		if (!r->base) {
			entry = r;
		} else if (base < r->base + r->bytes &&
			   r->base < base + bytes) {
			printf("# %p, %zu bytes: registered already\n",
			       (const void *)base, bytes);
			return NULL;
		}
	}
	return entry;
}

int net_register(struct net *net, void *base, size_t bytes, uint64_t *key)
{
	struct net_registration *r = free_entry(net, base, bytes);
	int error;

	if (!r)
		return -1;
	/* The key asked for counts only if the provider does not choose it. */
	error = fi_mr_reg(net->domain, base, bytes, ACCESS, 0, net->next_key, 0,
			  &r->mr, NULL);
	if (error)
		return failed("fi_mr_reg", error);
	net->next_key++;
	r->base = base;
	r->bytes = bytes;
	net->nr_registrations++;
	net->nr_registered++;
	net->registered_bytes += bytes;
	*key = fi_mr_key(r->mr);
	return 0;
}

int net_deregister(struct net *net, const void *base, size_t bytes)
{
	struct net_registration *r = net_registration(net, base);

	if (!r || r->base != base || r->bytes != bytes) {
		printf("# %p, %zu bytes: not registered\n", base, bytes);
		return -1;
	}
	close_fid(&r->mr->fid);
	net->nr_registered--;
	net->registered_bytes -= bytes;
	r->base = NULL;
	return 0;
}

struct net_place net_place(const struct net *net, uint64_t key,
			   const void *base, size_t offset)
{
	bool virtual = net->info->domain_attr->mr_mode & FI_MR_VIRT_ADDR;

	return (struct net_place){ key,
				   (virtual ? (uintptr_t)base : 0) + offset };
}

/* ---- access ------------------------------------------------------------- */

/* Read the queue once: 1: an operation is complete, 0: none, -1: failed. */
static int progress(struct net *net)
{
	struct fi_cq_entry entry;
	struct fi_cq_err_entry error = { 0 };
	ssize_t nr = fi_cq_read(net->cq, &entry, 1);

	if (nr == -FI_EAGAIN)
		return 0;
	if (nr == -FI_EAVAIL) {
		fi_cq_readerr(net->cq, &error, 0);
		return failed("completion", -(long)error.err);
	}
	return nr < 0 ? failed("fi_cq_read", nr) : (int)nr;
}

/* One operation after the other, as large as the provider takes them. */
static int access_peer(struct net *net, char *local, size_t bytes,
		       struct net_place place, bool write)
{
	struct net_registration *r = net_registration(net, local);
	size_t most = net->info->ep_attr->max_msg_size;
	int done;

	if (!r) {
		printf("# %p is not registered\n", (void *)local);
		return -1;
	}
	while (bytes) {
		size_t part = bytes < most ? bytes : most;
		void *desc = fi_mr_desc(r->mr);
		ssize_t error;

		error = write ? fi_write(net->ep, local, part, desc, net->peer,
					 place.address, place.key, NULL)
			      : fi_read(net->ep, local, part, desc, net->peer,
					place.address, place.key, NULL);
		if (error && error != -FI_EAGAIN)
			return failed(write ? "fi_write" : "fi_read", error);
		do
			done = progress(net);
		while (!error && !done);
		if (done < 0)
			return -1;
		if (error)
			continue;
		local += part;
		place.address += part;
		bytes -= part;
	}
	return 0;
}

int net_write(struct net *net, const void *from, size_t bytes,
	      struct net_place to)
{
	return access_peer(net, (char *)from, bytes, to, true);
}

int net_read(struct net *net, void *to, size_t bytes, struct net_place from)
{
	return access_peer(net, to, bytes, from, false);
}

/* ---- the socket --------------------------------------------------------- */

int net_exchange(struct net *net, const void *mine, void *theirs, size_t bytes)
{
	struct pollfd fd = { .fd = net->socket, .events = POLLIN };
	size_t done = 0;
	ssize_t nr;

	if (write(net->socket, mine, bytes) != (ssize_t)bytes)
		return failed("write", -errno);
	while (done < bytes) {
		if (progress(net) < 0)
			return -1;
		if (!poll(&fd, 1, 1))
			continue;
		nr = read(net->socket, (char *)theirs + done, bytes - done);
		if (nr <= 0)
			return failed("read: the peer ended", -EPIPE);
		done += (size_t)nr;
	}
	return 0;
}

int net_barrier(struct net *net)
{
	char mine = 0, theirs;

	return net_exchange(net, &mine, &theirs, 1);
}
