/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_model.c: the model test (tests/model), its decisions taken from the
 * bytes of libFuzzer.
 *
 * The first bytes say how many nodes there are, how large the heap is and
 * where it begins; all others choose operations.  When something is wrong the
 * fuzzer writes the bytes to a file, and `fuzz_model FILE` plays them again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "model/model.h"

#define HEADER 6

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nr_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nr_bytes)
{
	static const unsigned nodes[] = { 1, 1, 2, 3, 8 };
	struct model_options options = { .nr_ops = 1000, .validate_every = 1 };
	struct source source = { .seed = 0 };
	const char *error;

	if (nr_bytes <= HEADER)
		return -1;
	options.nr_nodes = nodes[bytes[0] % 5];
	options.heap_pages = 2 + (bytes[1] | (size_t)bytes[2] << 8) % 8192;
	options.skew = bytes[3] | (size_t)bytes[4] << 8 |
		       (size_t)bytes[5] << 16;
	options.skew %= 2 << 20;
	source.bytes = bytes + HEADER;
	source.nr_bytes = nr_bytes - HEADER;
	error = model_run(&source, &options);
	if (error) {
		fprintf(stderr, "fuzz_model: %s\n", error);
		abort();
	}
	return 0;
}
