/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_programs.c: whole programs under `fixheap run`, and under jemalloc.
 *
 *   gcc      compiles a generated file of 100 functions with -O1; also under
 *            `fixheap record`
 *   python3  builds, sorts and prints dictionaries and strings, with its own
 *            allocator on top of malloc; and once more with PYTHONMALLOC=malloc
 *   sqlite3  a table of 120,000 rows in memory, with an index, grouped
 *   redis    a server that redis-benchmark sets and gets keys of, 16 commands
 *            at a time; wall is the client's time, the rest the server's
 *
 * Each runs in turns under fixheap, fixheap with --hugepages, jemalloc and the
 * C library's malloc.  Wall time, CPU time of all processes, and the memory of
 * the largest process.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "program.h"
#include "table.h"

#define ROUNDS 9
#define ROUNDS_QUICK 1
#define TARGET 1.0
#define TARGET_HUGE 0.95
#define TARGET_RECORD 1.20 /* of the program as it is */

static const char python[] =
	"import json, collections\n"
	"def work(n):\n"
	"    d = {i: {'name': 'item %d' % i, 'tags': [str(i), str(i * 7)]}\n"
	"         for i in range(n)}\n"
	"    words = collections.Counter(w for v in d.values()\n"
	"                                for w in v['name'].split())\n"
	"    text = json.dumps(list(d.values()))\n"
	"    back = json.loads(text)\n"
	"    back.sort(key=lambda v: v['tags'][1])\n"
	"    return len(text) + len(words)\n"
	"print([work(20000) for _ in range(2)])\n";

static const char sql[] =
	"CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, value);\n"
	"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c\n"
	"  WHERE i < 120000)\n"
	"INSERT INTO t SELECT i, printf('name %d of all', i * 7919 % 120000),\n"
	"  i * 0.5 FROM c;\n"
	"CREATE INDEX by_name ON t (name);\n"
	"SELECT count(*), sum(value) FROM t GROUP BY substr(name, 6, 2);\n"
	"SELECT name FROM t ORDER BY value * 7 % 1000, name LIMIT 9;\n"
	"DELETE FROM t WHERE id % 3 = 0;\n";

enum figure {
	WALL,
	CPU,
	PEAK,
	NR_FIGURES
};

struct runs {
	double of[NR_WAYS][NR_FIGURES][ROUNDS];
	bool there[NR_WAYS];
};

struct program {
	const char *name;
	const char *needs; /* this command */
	bool many_pages;   /* so many that huge pages shall tell */
	bool recorded;
	char *argv[8];
	int (*run)(const struct program *program, enum way way,
		   const char *folder, struct usage *usage);
};

static int run_plain(const struct program *program, enum way way,
		     const char *folder, struct usage *usage)
{
	return program_run(way, folder, program->argv, usage);
}

/* ---- redis --------------------------------------------------------------- */

static bool connects(const char *folder)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool done;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket",
		 folder);
	done = fd >= 0 &&
	       !connect(fd, (struct sockaddr *)&address, sizeof(address));
	if (fd >= 0)
		close(fd);
	return done;
}

/* Up to 10 s. */
static bool wait_for_server(const char *folder)
{
	const struct timespec moment = { .tv_nsec = 10000000 };

	for (int i = 0; i < 1000; i++) {
		if (connects(folder))
			return true;
		nanosleep(&moment, NULL);
	}
	return false;
}

static int run_redis(const struct program *program, enum way way,
		     const char *folder, struct usage *usage)
{
	char *client[] = { (char *)"redis-benchmark",
			   (char *)"-s",
			   (char *)"socket",
			   (char *)"-P",
			   (char *)"16",
			   (char *)"-n",
			   (char *)"150000",
			   (char *)"-r",
			   (char *)"100000",
			   (char *)"-d",
			   (char *)"100",
			   (char *)"-t",
			   (char *)"set,get,lpush",
			   (char *)"-q",
			   NULL };
	struct usage of_client;
	int ret = -1;
	pid_t server = program_start(way, folder, program->argv);

	if (server < 0)
		return -1;
	if (wait_for_server(folder))
		ret = program_run(WAY_GLIBC, folder, client, &of_client);
	kill(server, SIGTERM);
	if (program_wait(server, usage))
		ret = -1;
	usage->wall = of_client.wall;
	return ret;
}

/* ---- the programs -------------------------------------------------------- */

#define ARG(text) (char *)(text)

static const struct program programs[] = {
	{ "gcc -O1",
	  "gcc",
	  false,
	  true,
	  { ARG("gcc"), ARG("-O1"), ARG("-c"), ARG("-o"), ARG("/dev/null"),
	    ARG("source.c") },
	  run_plain },
	{ "python3",
	  "python3",
	  false,
	  false,
	  { ARG("python3"), ARG("-S"), ARG("script.py") },
	  run_plain },
	{ "python3 -malloc",
	  "python3",
	  true,
	  false,
	  { ARG("env"), ARG("PYTHONMALLOC=malloc"), ARG("python3"), ARG("-S"),
	    ARG("script.py") },
	  run_plain },
	{ "sqlite3",
	  "sqlite3",
	  true,
	  false,
	  { ARG("sqlite3"), ARG(":memory:"), ARG(".read script.sql") },
	  run_plain },
	{ "redis",
	  "redis-benchmark",
	  true,
	  false,
	  { ARG("./redis-server"), ARG("redis.conf") },
	  run_redis },
};
#define NR_PROGRAMS (sizeof(programs) / sizeof(*programs))

static bool write_file(const char *folder, const char *name, const char *text)
{
	char path[4200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (!file)
		return false;
	fputs(text, file);
	return !fclose(file);
}

/* Functions that a compiler has some work with. */
static bool write_source(const char *folder, int nr)
{
	char path[4200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/source.c", folder);
	file = fopen(path, "w");
	if (!file)
		return false;
	fputs("struct node { struct node *next; int key; long value[4]; };\n",
	      file);
	for (int i = 0; i < nr; i++)
		fprintf(file,
			"long f%d(struct node *n, int key)\n{\n"
			"\tlong sum = %d;\n"
			"\tfor (; n; n = n->next) {\n"
			"\t\tif (n->key == key + %d)\n"
			"\t\t\tsum += n->value[%d] * key;\n"
			"\t\telse switch (n->key %% 5) {\n"
			"\t\tcase 0: sum ^= n->value[key & 3]; break;\n"
			"\t\tcase 1: sum -= key / %d; break;\n"
			"\t\tdefault: sum += sum >> 3;\n\t\t}\n"
			"\t}\n\treturn sum;\n}\n",
			i, i, i % 17, i % 4, i % 7 + 2);
	return !fclose(file);
}

/* Debian's redis-tools has the server under another name. */
static bool link_server(const char *folder)
{
	char line[9000];

	snprintf(line, sizeof(line),
		 "ln -sf \"$(command -v redis-server || command -v "
		 "redis-check-rdb)\" %s/redis-server",
		 folder);
	return !system(line);
}

static bool prepare(char *folder)
{
	if (!mkdtemp(folder))
		return false;
	return write_source(folder, 100) &&
	       write_file(folder, "script.py", python) &&
	       write_file(folder, "script.sql", sql) &&
	       write_file(folder, "redis.conf",
			  "port 0\nsave \"\"\nunixsocket socket\n"
			  "appendonly no\ndaemonize no\n") &&
	       link_server(folder);
}

static void clean(const char *folder)
{
	static const char *const names[] = { "source.c",   "script.py",
					     "script.sql", "redis.conf",
					     "socket",	   "redis-server",
					     "errors",	   "dump.rdb" };
	char path[4200];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

static bool there(const char *name)
{
	char line[200];

	snprintf(line, sizeof(line), "command -v %s >/dev/null 2>&1", name);
	return !system(line);
}

/* ---- the rounds ---------------------------------------------------------- */

static const char *const figure_names[NR_FIGURES] = { "wall", "CPU", "peak" };

/* What a recording costs: of the program as it is, and of one that is run. */
static enum bench_result print_record(const struct program *program,
				      const struct runs *runs,
				      enum figure figure, unsigned nr)
{
	static const enum way peers[] = { WAY_GLIBC, WAY_FIXHEAP };
	enum bench_result result = BENCH_OK;
	double ratio[ROUNDS], ours[ROUNDS], theirs[ROUNDS];

	for (size_t p = 0; p < sizeof(peers) / sizeof(*peers); p++) {
		char what[48];
		struct row row = { .measure = "programs",
				   .what = what,
				   .unit = "s",
				   .peer = peers[p] == WAY_GLIBC ? "glibc"
								 : "run" };

		memcpy(ours, runs->of[WAY_RECORD][figure], sizeof(ours));
		memcpy(theirs, runs->of[peers[p]][figure], sizeof(theirs));
		for (unsigned i = 0; i < nr; i++)
			ratio[i] = ours[i] / theirs[i];
		snprintf(what, sizeof(what), "%s, record, %s", program->name,
			 figure_names[figure]);
		row.ours = table_median(ours, nr);
		row.theirs = table_median(theirs, nr);
		row.ratio = table_median(ratio, nr);
		if (peers[p] == WAY_GLIBC)
			row.at_most = TARGET_RECORD;
		result = bench_worse(result, table_row(&row));
	}
	return result;
}

static enum bench_result print_figure(const struct program *program,
				      const struct runs *runs, enum way ours,
				      enum figure figure, unsigned nr)
{
	enum bench_result result = BENCH_OK;

	for (int way = WAY_JEMALLOC; way < NR_WAYS; way++) {
		double ratio[ROUNDS], a[ROUNDS], b[ROUNDS];
		char what[48];
		struct row row = { .measure = "programs",
				   .what = what,
				   .unit = figure == PEAK ? "MiB" : "s" };

		if (!runs->there[way] || (way == WAY_GLIBC && figure == CPU))
			continue;
		memcpy(a, runs->of[ours][figure], sizeof(a));
		memcpy(b, runs->of[way][figure], sizeof(b));
		for (unsigned i = 0; i < nr; i++)
			ratio[i] = a[i] / b[i];
		snprintf(what, sizeof(what), "%s%s, %s", program->name,
			 ours == WAY_HUGE ? ", huge" : "",
			 figure_names[figure]);
		row.peer = way_name((enum way)way);
		row.ours = table_median(a, nr);
		row.theirs = table_median(b, nr);
		row.ratio = table_median(ratio, nr);
		if (way == WAY_JEMALLOC && figure != CPU && ours != WAY_HUGE)
			row.at_most = TARGET;
		if (way == WAY_JEMALLOC && figure == WALL && ours == WAY_HUGE &&
		    program->many_pages)
			row.at_most = TARGET_HUGE;
		result = bench_worse(result, table_row(&row));
	}
	return result;
}

static enum bench_result print_runs(const struct program *program,
				    const struct runs *runs, unsigned nr)
{
	enum bench_result result = BENCH_OK;

	for (int ours = WAY_FIXHEAP; ours <= WAY_HUGE; ours++)
		for (int i = 0; i < NR_FIGURES && runs->there[ours]; i++) {
			enum figure figure = (enum figure)i;

			result =
				bench_worse(result, print_figure(program, runs,
								 (enum way)ours,
								 figure, nr));
		}
	for (int i = WALL; i <= CPU && runs->there[WAY_RECORD]; i++)
		result = bench_worse(result, print_record(program, runs,
							  (enum figure)i, nr));
	return result;
}

/* The first round does not count: files get into memory. */
static enum bench_result measure(const struct program *program,
				 const bool *works, const char *folder,
				 unsigned nr)
{
	static struct runs runs;

	memcpy(runs.there, works, sizeof(runs.there));
	runs.there[WAY_RECORD] &= program->recorded;
	for (unsigned i = 0; i <= nr; i++)
		for (unsigned j = 0; j < NR_WAYS; j++) {
			enum way way = (enum way)((i + j) % NR_WAYS);
			struct usage usage = { 0 };
			unsigned at = i ? i - 1 : 0;

			if (!runs.there[way])
				continue;
			bench_progress("%s: round %u of %u", program->name, i,
				       nr);
			if (program->run(program, way, folder, &usage))
				return bench_error("%s under %s failed: see "
						   "%s/errors",
						   program->name, way_name(way),
						   folder);
			if (way == WAY_RECORD)
				program_forget(folder);
			runs.of[way][WALL][at] = usage.wall;
			runs.of[way][CPU][at] = usage.cpu;
			runs.of[way][PEAK][at] = usage.peak;
		}
	return print_runs(program, &runs, nr);
}

static enum bench_result measure_all(const bool *works, unsigned nr)
{
	char folder[] = "/tmp/fixheap-bench-XXXXXX";
	enum bench_result result = BENCH_OK;

	if (!prepare(folder))
		return bench_error("programs: %s: %s", folder, strerror(errno));
	for (size_t i = 0; i < NR_PROGRAMS; i++) {
		if (there(programs[i].needs))
			result =
				bench_worse(result, measure(&programs[i], works,
							    folder, nr));
		else
			table_skip("programs", programs[i].name,
				   "it is not here");
	}
	if (result != BENCH_ERROR)
		clean(folder);
	return result;
}

enum bench_result bench_programs(const struct bench_options *options)
{
	bool works[NR_WAYS];

	if (!bench_wants(options, "programs"))
		return BENCH_OK;
	table_title("Programs under `fixheap run`, in turns with jemalloc "
		    "preloaded, and as they are");
	for (int way = 0; way < NR_WAYS; way++) {
		if (way == WAY_RECORD)
			continue;
		works[way] = program_works((enum way)way);
		if (!works[way])
			table_skip("programs", way_name((enum way)way),
				   "`true` does not run under it");
	}
	works[WAY_RECORD] = works[WAY_FIXHEAP];
	if (!works[WAY_FIXHEAP])
		return BENCH_OK;
	return measure_all(works, options->quick ? ROUNDS_QUICK : ROUNDS);
}
