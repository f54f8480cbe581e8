/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c: the model test as a program.
 *
 *	model [--seed N] [--ops N] [--rounds N] [--every N]
 *
 * Each round has a seed of its own, from which the size of the heap, the skew
 * of its base, the number of nodes and whether it is bound to them follow too.
 * A failure prints what was wrong and the command that plays exactly that
 * round.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct arguments {
	uint64_t seed;
	unsigned long nr_ops, rounds, every;
};

static const char *play(uint64_t seed, const struct arguments *args)
{
	static const unsigned nodes[] = { 1, 4, 2, 3, 8, 64 };
	struct source source = { .seed = seed * 0x9e3779b97f4a7c15ull | 1 };
	struct model_options options = {
		.nr_nodes = nodes[seed % 6],
		.bound = seed / 6 % 2,
		.heap_pages = 5000 + seed * 7919 % 16000,
		.skew = seed * 12289 % (2 << 20),
		.nr_ops = args->nr_ops,
		.validate_every = args->every,
	};

	if (seed % 7 == 3)
		options.heap_pages = 2 + seed % 600;
	return model_run(&source, &options);
}

static int usage(const char *name)
{
	fprintf(stderr,
		"usage: %s [--seed N] [--ops N] [--rounds N] [--every N]\n",
		name);
	return 2;
}

int main(int argc, char **argv)
{
	struct arguments args = { (uint64_t)time(NULL), 2000, 10, 1 };

	for (int i = 1; i + 1 < argc; i += 2) {
		unsigned long value = strtoul(argv[i + 1], NULL, 0);

		if (!strcmp(argv[i], "--seed"))
			args.seed = value;
		else if (!strcmp(argv[i], "--ops"))
			args.nr_ops = value;
		else if (!strcmp(argv[i], "--rounds"))
			args.rounds = value;
		else if (!strcmp(argv[i], "--every") && value)
			args.every = value;
		else
			return usage(argv[0]);
	}
	if (argc % 2 == 0)
		return usage(argv[0]);
	printf("model: seed %llu, %lu rounds of %lu operations\n",
	       (unsigned long long)args.seed, args.rounds, args.nr_ops);
	fflush(stdout); /* it may crash */
	for (unsigned long i = 0; i < args.rounds; i++) {
		const char *error = play(args.seed + i, &args);

		if (!error)
			continue;
		printf("%s\nreplay: %s --seed %llu --ops %lu --rounds 1 "
		       "--every %lu\n",
		       error, argv[0], (unsigned long long)(args.seed + i),
		       args.nr_ops, args.every);
		return 1;
	}
	return 0;
}
