/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rma: arrays of a heap, written and read by another process, with libfabric.
 *
 *	rma fixed|dynamic [--provider NAME] [--heap MIB] [--rounds N] [--seed N]
 *
 * Two processes, each with a heap.  Each round makes, grows and frees arrays
 * and objects, other ones in each process, and tells the peer where they are:
 * the key of their region and the offset in it (fixheap_region_of).  Then each
 * reads all of the peer's, checks every word, and writes all of them; and each
 * checks what was written into its own.
 *
 * What fixed and dynamic mean, heap.h says; in either, net.c sees to it that no
 * byte is registered twice.
 */
#define _GNU_SOURCE
#include "heap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define PARTS 24
#define MOST_BYTES (4 * MIB)
#define SECONDS 10 /* for a round, before a process that waits ends */

static struct {
	bool dynamic;
	const char *provider;
	size_t heap;
	int rounds;
	uint64_t seed;
} options = { false, "tcp;ofi_rxm", 128 * MIB, 4, 0 };

/* An array, or an object where it is small. */
struct part {
	uint64_t *p;
	size_t words;
};

/* The same, as the peer sees it. */
struct remote {
	struct net_place place;
	uint64_t words;
};

/* One of the two processes. */
struct side {
	int rank;
	struct heap heap;
	struct part part[PARTS];
	struct remote remote[PARTS];
	uint64_t *buffer; /* of MOST_BYTES, for what comes and goes */
	uint64_t random;
	size_t nr_own; /* how often an array got a region of its own */
};

static uint64_t next_random(struct side *side)
{
	side->random ^= side->random << 13;
	side->random ^= side->random >> 7;
	side->random ^= side->random << 17;
	return side->random;
}

static bool fails(const struct side *side, const char *what)
{
	printf("# process %d: %s\n", side->rank, what);
	fflush(stdout);
	return false;
}

/* ---- arrays and objects ------------------------------------------------- */

static uint64_t word(int rank, int round, size_t part, size_t i)
{
	return ((uint64_t)rank << 60 | (uint64_t)round << 50 |
		(uint64_t)part << 40) +
	       i;
}

static void fill(uint64_t *p, size_t words, uint64_t first)
{
	for (size_t i = 0; i < words; i++)
		p[i] = first + i;
}

static bool has(const uint64_t *p, size_t words, uint64_t first)
{
	for (size_t i = 0; i < words; i++) {
		if (p[i] != first + i)
			return false;
	}
	return true;
}

/* Touch an array, and only then have it registered, if it has a region of its
 * own: other regions are since they came. */
static bool touch_and_register(struct side *side, struct part *part)
{
	size_t bytes = part->words * sizeof(uint64_t);
	bool pending = !net_registration(&side->heap.net, part->p);
	struct net_registration *first, *last;
	int error;

	memset(part->p, 0, bytes);
	error = fixheap_array_post_alloc(side->heap.heap, part->p);
	if (error)
		return fails(side, strerror(-error));
	side->nr_own += pending;
	/* the threshold counts whole pages */
	if (pending &&
	    (!options.dynamic || bytes + fixheap_page_size() <= HEAP_OWN_BYTES))
		return fails(side, "it was not registered at once");
	first = net_registration(&side->heap.net, part->p);
	last = net_registration(&side->heap.net, part->p + part->words - 1);
	return first && first == last
		       ? true
		       : fails(side, "an array that is not registered");
}

static bool part_alloc(struct side *side, struct part *part, bool is_array,
		       size_t bytes)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;

	part->words = bytes / sizeof(uint64_t);
	if (!is_array) {
		part->p = fixheap_malloc(side->heap.heap, bytes);
		return part->p ? true : fails(side, "no object");
	}
	attr.flags = FIXHEAP_POST_ALLOC;
	part->p = fixheap_array_alloc(side->heap.heap, bytes, &attr);
	return part->p ? touch_and_register(side, part)
		       : fails(side, "no array");
}

static void part_free(struct side *side, size_t i)
{
	if (i % 3 == 0)
		fixheap_free(side->heap.heap, side->part[i].p);
	else
		fixheap_array_free(side->heap.heap, side->part[i].p);
	side->part[i].p = NULL;
}

static bool part_grow(struct side *side, struct part *part)
{
	size_t bytes = part->words * sizeof(uint64_t) * 3 / 2;
	uint64_t *p;

	if (bytes > MOST_BYTES)
		return true;
	p = fixheap_array_realloc(side->heap.heap, part->p, bytes);
	if (!p)
		return fails(side, "an array cannot grow");
	part->p = p;
	part->words = bytes / sizeof(uint64_t);
	return touch_and_register(side, part);
}

/* Every third is an object, the others are arrays: which are made, grow, or
 * go, chance says. */
static bool change(struct side *side, int round)
{
	bool good = true;

	for (size_t i = 0; good && i < PARTS; i++) {
		struct part *part = &side->part[i];
		bool is_array = i % 3;
		uint64_t random = next_random(side);

		if (part->p && is_array && random % 2) {
			good = part_grow(side, part);
			continue;
		}
		if (part->p && round)
			part_free(side, i);
		random = next_random(side);
		good = part_alloc(side, part, is_array,
				  is_array ? 4096 + random % (5 * MIB / 2)
					   : 8 + random % 20000);
	}
	return good;
}

/* ---- a round ------------------------------------------------------------ */

/* Whether it is good in both processes; both ask. */
static bool both(struct side *side, bool mine)
{
	char my_answer = mine, its_answer = false;

	if (net_exchange(&side->heap.net, &my_answer, &its_answer, 1))
		exit(1);
	return mine && its_answer;
}

static bool tell_places(struct side *side)
{
	struct remote mine[PARTS];

	for (size_t i = 0; i < PARTS; i++) {
		mine[i].words = side->part[i].words;
		if (heap_place(&side->heap, side->part[i].p, &mine[i].place))
			return false;
	}
	return !net_exchange(&side->heap.net, mine, side->remote, sizeof(mine));
}

static bool read_and_write(struct side *side, int round)
{
	int peer = 1 - side->rank;

	for (size_t i = 0; i < PARTS; i++) {
		struct remote *r = &side->remote[i];
		size_t bytes = r->words * sizeof(uint64_t);

		if (net_read(&side->heap.net, side->buffer, bytes, r->place))
			return fails(side, "fi_read");
		if (!has(side->buffer, r->words, word(peer, round, i, 0)))
			return fails(side, "reads what was not there");
		fill(side->buffer, r->words, word(side->rank + 2, round, i, 0));
		if (net_write(&side->heap.net, side->buffer, bytes, r->place))
			return fails(side, "fi_write");
	}
	return true;
}

static bool is_written(struct side *side, int round)
{
	for (size_t i = 0; i < PARTS; i++) {
		struct part *part = &side->part[i];

		if (!has(part->p, part->words,
			 word(1 - side->rank + 2, round, i, 0)))
			return fails(side, "what was written is not there");
	}
	return true;
}

static bool run_round(struct side *side, int round)
{
	if (!both(side, change(side, round)))
		return false;
	for (size_t i = 0; i < PARTS; i++)
		fill(side->part[i].p, side->part[i].words,
		     word(side->rank, round, i, 0));
	if (!both(side, tell_places(side)) ||
	    !both(side, read_and_write(side, round)))
		return false;
	return both(side, is_written(side, round) &&
				  !fixheap_validate(side->heap.heap));
}

/* ---- the books ---------------------------------------------------------- */

static bool is_registered_once(struct side *side)
{
	printf("# process %d: %zu registrations ever, %zu now, %zu bytes; "
	       "%zu times an array got its own\n",
	       side->rank, side->heap.net.nr_registrations,
	       side->heap.net.nr_registered, side->heap.net.registered_bytes,
	       side->nr_own);
	fflush(stdout);
	if (!options.dynamic && side->heap.net.nr_registrations != 1)
		return fails(side, "registered more than once");
	if (options.dynamic && !side->nr_own)
		return fails(side, "no array had a region of its own");
	return !heap_check(&side->heap);
}

static bool is_all_given_back(struct side *side)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;
	bool good = true;

	for (size_t i = 0; i < PARTS; i++)
		part_free(side, i);
	fixheap_array_free(side->heap.heap, side->buffer);
	for (unsigned id = 0; !fixheap_region_at(side->heap.heap, id, &region);
	     id = region.id + 1)
		good &= !(region.flags & FIXHEAP_REGION_OWN);
	good &= is_registered_once(side);
	return !heap_destroy(&side->heap) && good;
}

/* ---- the two processes -------------------------------------------------- */

static bool result(struct side *side, bool good, const char *name)
{
	static int number;

	if (side->rank)
		return good;
	if (!name)
		printf("1..%d\n", number);
	else
		printf("%sok %d - %s, %s: %s\n", good ? "" : "not ", ++number,
		       options.provider, options.dynamic ? "dynamic" : "fixed",
		       name);
	fflush(stdout);
	return good;
}

static int run_side(int rank, int socket)
{
	static struct side side;
	struct part buffer;
	bool good = true;
	char name[64];

	alarm((unsigned)(SECONDS * (options.rounds + 10)));
	side.rank = rank;
	side.random = options.seed * 2 + (uint64_t)rank + 1;
	if (net_open(&side.heap.net, socket, options.provider))
		return 1;
	good = !heap_create(&side.heap, options.dynamic, options.heap) &&
	       part_alloc(&side, &buffer, true, MOST_BYTES);
	side.buffer = buffer.p;
	if (!result(&side, both(&side, good), "a heap on each side"))
		return 1;
	for (int round = 0; good && round < options.rounds; round++) {
		snprintf(name, sizeof(name), "round %d of reads and writes",
			 round + 1);
		good = result(&side, run_round(&side, round), name);
	}
	if (!good)
		return 1;
	good = result(&side, both(&side, is_registered_once(&side)),
		      "each byte is registered once");
	good &= result(&side, both(&side, is_all_given_back(&side)),
		       "what was freed is not registered");
	result(&side, good, NULL);
	net_close(&side.heap.net);
	return !good;
}

static int parse(int argc, char **argv)
{
	if (argc < 2 ||
	    (strcmp(argv[1], "fixed") && strcmp(argv[1], "dynamic")))
		return -1;
	options.dynamic = !strcmp(argv[1], "dynamic");
	for (int i = 2; i < argc; i += 2) {
		const char *value = argv[i + 1];

		if (!value)
			return -1;
		if (!strcmp(argv[i], "--provider"))
			options.provider = value;
		else if (!strcmp(argv[i], "--heap"))
			options.heap = strtoul(value, NULL, 10) * MIB;
		else if (!strcmp(argv[i], "--rounds"))
			options.rounds = atoi(value);
		else if (!strcmp(argv[i], "--seed"))
			options.seed = strtoul(value, NULL, 10);
		else
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int pair[2], status = 1, mine;
	pid_t child;

	options.seed = (uint64_t)time(NULL) % 100000;
	if (parse(argc, argv)) {
		fprintf(stderr,
			"usage: %s fixed|dynamic [--provider NAME] "
			"[--heap MIB] [--rounds N] [--seed N]\n",
			argv[0]);
		return 2;
	}
	printf("# %s --provider '%s' --heap %zu --rounds %d --seed %" PRIu64
	       "\n",
	       argv[1], options.provider, options.heap / MIB, options.rounds,
	       options.seed);
	fflush(stdout);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 1;
	child = fork();
	if (child < 0)
		return 1;
	close(pair[!child]);
	mine = run_side(!child, pair[!!child]);
	if (!child)
		return mine;
	close(pair[1]);
	waitpid(child, &status, 0);
	return mine || status;
}
