/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segment_names.c: which segments there are.
 *
 * Those of processes that were run are files of /dev/shm; those of processes
 * that were made by fork are open as descriptors of theirs, which are found in
 * /proc, and go by the number of the descriptor.
 *
 * Names are only where to look: whose they are, and what is in them,
 * segment_open decides.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segment.h"

#define PREFIX "fixheap."
#define MEMORY_FILE "/memfd:fixheap (deleted)"

/* PID.NUMBER, each of them digits; *pid and *number, or false. */
static bool parse_name(const char *text, unsigned long *pid,
		       unsigned long *number)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	*pid = strtoul(text, &end, 10);
	if (*end != '.' || !isdigit((unsigned char)end[1]))
		return false;
	*number = strtoul(end + 1, &end, 10);
	return !*end;
}

/* The same of a path of either kind. */
static bool parse_path(const char *path, unsigned long *pid,
		       unsigned long *number)
{
	static const char start[] = SEGMENT_FOLDER "/" PREFIX;
	char end;

	if (!strncmp(path, start, sizeof(start) - 1))
		return parse_name(path + sizeof(start) - 1, pid, number);
	return sscanf(path, "/proc/%lu/fd/%lu%c", pid, number, &end) == 2;
}

void segment_title(const char *path, char *title, size_t size)
{
	const char *slash = strrchr(path, '/');
	unsigned long pid, number;

	if (parse_path(path, &pid, &number))
		snprintf(title, size, PREFIX "%lu.%lu", pid, number);
	else
		snprintf(title, size, "%s", slash ? slash + 1 : path);
}

static int by_number(const void *left, const void *right)
{
	unsigned long pid[2] = { 0, 0 }, number[2] = { 0, 0 };

	parse_path(*(char *const *)left, &pid[0], &number[0]);
	parse_path(*(char *const *)right, &pid[1], &number[1]);
	if (pid[0] != pid[1])
		return pid[0] < pid[1] ? -1 : 1;
	return number[0] < number[1] ? -1 : number[0] > number[1];
}

static bool add_name(char ***names, size_t *nr, const char *folder,
		     const char *name)
{
	char **more = realloc(*names, (*nr + 1) * sizeof(**names));
	char *path = NULL;

	if (more)
		*names = more;
	if (!more || asprintf(&path, "%s/%s", folder, name) < 0)
		return false;
	(*names)[(*nr)++] = path;
	return true;
}

/* what: NULL, PID, or PID.NUMBER. */
static bool is_wanted(const char *name, const char *what)
{
	unsigned long pid, number;
	size_t length;

	if (strncmp(name, PREFIX, sizeof(PREFIX) - 1))
		return false;
	name += sizeof(PREFIX) - 1;
	if (!parse_name(name, &pid, &number))
		return false;
	if (!what)
		return true;
	length = strlen(what);
	return !strncmp(name, what, length) &&
	       (!name[length] || (name[length] == '.' && !strchr(what, '.')));
}

/* Of all, only those of the user: others cannot be opened anyhow. */
static bool is_own(DIR *folder, const char *name)
{
	struct stat st;

	return !fstatat(dirfd(folder), name, &st, AT_SYMLINK_NOFOLLOW) &&
	       st.st_uid == geteuid();
}

/* A child's, which is whole: it may be just being made for a child, or that of
 * the parent of this child. */
static bool is_childs(int folder, const char *name, unsigned long pid)
{
	struct fixheap_segment head;
	char target[32];
	ssize_t length = readlinkat(folder, name, target, sizeof(target));
	bool good;
	int fd;

	if (length < (ssize_t)sizeof(MEMORY_FILE) - 1 ||
	    memcmp(target, MEMORY_FILE, sizeof(MEMORY_FILE) - 1))
		return false;
	fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	good = pread(fd, &head, sizeof(head), 0) == sizeof(head) &&
	       head.magic == FIXHEAP_SEGMENT_MAGIC && head.pid == pid;
	close(fd);
	return good;
}

/* The descriptors of a process that are segments. */
static bool look_at_process(unsigned long pid, const char *what, char ***names,
			    size_t *nr)
{
	char path[48], name[64];
	struct dirent *entry;
	bool good = true;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%lu/fd", pid);
	folder = opendir(path);
	while (folder && good && (entry = readdir(folder))) {
		snprintf(name, sizeof(name), PREFIX "%lu.%.20s", pid,
			 entry->d_name);
		if (is_wanted(name, what) &&
		    is_childs(dirfd(folder), entry->d_name, pid))
			good = add_name(names, nr, path, entry->d_name);
	}
	if (folder)
		closedir(folder);
	return good;
}

static bool look_at_processes(const char *what, char ***names, size_t *nr)
{
	struct dirent *entry;
	bool good = true;
	DIR *folder;

	if (what)
		return look_at_process(strtoul(what, NULL, 10), what, names,
				       nr);
	folder = opendir("/proc");
	while (folder && good && (entry = readdir(folder)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    is_own(folder, entry->d_name))
			good = look_at_process(strtoul(entry->d_name, NULL, 10),
					       NULL, names, nr);
	if (folder)
		closedir(folder);
	return good;
}

static const char *none(const char *what)
{
	static char text[160];
	unsigned long pid = strtoul(what, NULL, 10);

	snprintf(text, sizeof(text), "/proc/%lu", pid);
	if (access(text, F_OK))
		return "there is no such process";
	return "it has no heap to look at: see --share in fixheap(1)";
}

static const char *look(const char *what, char ***names, size_t *nr)
{
	DIR *folder = opendir(SEGMENT_FOLDER);
	struct dirent *entry;
	bool good = true;

	if (!folder)
		return strerror(errno);
	while (good && (entry = readdir(folder)))
		if (is_wanted(entry->d_name, what) &&
		    (what || is_own(folder, entry->d_name)))
			good = add_name(names, nr, SEGMENT_FOLDER,
					entry->d_name);
	closedir(folder);
	if (!good || !look_at_processes(what, names, nr))
		return strerror(ENOMEM);
	if (*nr)
		qsort(*names, *nr, sizeof(**names), by_number);
	return *nr || !what ? NULL : none(what);
}

const char *segment_names(const char *what, char ***names, size_t *nr)
{
	const char *wrong;

	*names = NULL;
	*nr = 0;
	if (what && strchr(what, '/')) {
		*names = calloc(1, sizeof(**names));
		if (*names && (**names = strdup(what)))
			*nr = 1;
		return *nr ? NULL : strerror(ENOMEM);
	}
	if (what && (!*what || what[strspn(what, "0123456789.")]))
		return "it is no process number and no path";
	wrong = look(what, names, nr);
	if (wrong) {
		segment_names_end(*names, *nr);
		*names = NULL;
		*nr = 0;
	}
	return wrong;
}

void segment_names_end(char **names, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		free(names[i]);
	free(names);
}
