/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * demo_cases.c: what programs with large arrays do to a fixed heap
 *
 * Each case is a short program over an engine.  Sizes are in units u, so that
 * a case is the same on a heap of any size.
 *
 * 1. A case never touches an array's memory: only addresses are at stake, and
 *    a heap may be larger than the machine.
 * 2. live_bytes counts what was asked for, not what the engine took; peak is
 *    the least that any allocator needs.
 * 3. A refusal ends the case; the trial says what was refused.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "demo.h"

#define NR_ROUNDS 40
#define OBJECTS_A_ROUND 100
#define OBJECT_MAX 2048

static void live_add(struct trial *trial, size_t bytes)
{
	trial->live_bytes += bytes;
	if (trial->live_bytes > trial->peak_bytes)
		trial->peak_bytes = trial->live_bytes;
}

static bool refused(struct trial *trial, size_t bytes)
{
	snprintf(trial->failed, sizeof(trial->failed), "%.4gu",
		 (double)bytes / (double)trial->unit);
	return false;
}

static void array_drop(struct trial *trial)
{
	trial->engine->array_free(trial->array);
	trial->live_bytes -= trial->array_bytes;
	trial->array = NULL;
	trial->array_bytes = 0;
}

static bool array_take(struct trial *trial, size_t bytes)
{
	live_add(trial, bytes);
	trial->array = trial->engine->array_alloc(bytes);
	if (!trial->array)
		return refused(trial, bytes);
	trial->array_bytes = bytes;
	return true;
}

/* The next size of an array that grows by a twentieth, in whole pages. */
static size_t grown(size_t bytes)
{
	return (bytes + bytes / 20 + 4095) & ~(size_t)4095;
}

/* The new array, the copy (not made here), the old one given back. */
static bool array_move(struct trial *trial, size_t bytes)
{
	void *old = trial->array;
	size_t old_bytes = trial->array_bytes;

	if (!array_take(trial, bytes)) {
		trial->array = old;
		trial->array_bytes = old_bytes;
		return false;
	}
	trial->engine->array_free(old);
	trial->live_bytes -= old_bytes;
	return true;
}

static bool larger_array(struct trial *trial)
{
	if (!array_take(trial, 100 * trial->unit))
		return false;
	array_drop(trial);
	return array_take(trial, 101 * trial->unit);
}

static bool two_halves(struct trial *trial)
{
	if (!array_take(trial, 100 * trial->unit))
		return false;
	array_drop(trial);
	return array_take(trial, 50 * trial->unit) &&
	       array_take(trial, 50 * trial->unit);
}

/* Objects of 16 bytes to 2 KiB, the same ones in every run. */
static bool take_objects(struct trial *trial, uint64_t *seed)
{
	size_t bytes;
	char *object;
	int i;

	for (i = 0; i < OBJECTS_A_ROUND; i++) {
		*seed = *seed * UINT64_C(6364136223846793005) + 1442695041;
		bytes = 16 + (*seed >> 33) % (OBJECT_MAX - 16);
		live_add(trial, bytes);
		object = trial->engine->object_alloc(bytes);
		if (!object) {
			strcpy(trial->failed, "an object");
			return false;
		}
		*object = 1;
	}
	return true;
}

static bool objects_between(struct trial *trial)
{
	uint64_t seed = 1;
	size_t round;

	for (round = 0; round <= NR_ROUNDS; round++) {
		if (trial->array)
			array_drop(trial);
		if (!array_take(trial, (100 + round) * trial->unit) ||
		    !take_objects(trial, &seed))
			return false;
	}
	return true;
}

static bool growing_copy(struct trial *trial)
{
	if (!array_take(trial, trial->unit))
		return false;
	while (trial->array_bytes < 50 * trial->unit)
		if (!array_move(trial, grown(trial->array_bytes)))
			return false;
	return true;
}

static bool growing_in_place(struct trial *trial)
{
	size_t bytes;

	if (!array_take(trial, trial->unit))
		return false;
	while (trial->array_bytes < 120 * trial->unit) {
		bytes = grown(trial->array_bytes);
		if (!trial->engine->array_resize(trial->array, bytes)) {
			if (!array_move(trial, bytes))
				return false;
			continue;
		}
		live_add(trial, bytes - trial->array_bytes);
		trial->array_bytes = bytes;
	}
	return true;
}

const struct demo_case demo_cases[NR_DEMO_CASES] = {
	{ "100u, freed; 101u", larger_array },
	{ "100u, freed; 50u and 50u", two_halves },
	{ "100u to 140u, 4,100 objects", objects_between },
	{ "1u to 50u by 5 %: new, copy, free", growing_copy },
	{ "1u to 120u by 5 %: resized", growing_in_place },
};
