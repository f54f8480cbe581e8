/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * child.h: tests of what a process can only do once, or not survive, run in a
 * child of the test program.
 */
#ifndef TESTS_HOST_CHILD_H
#define TESTS_HOST_CHILD_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* From here on these system calls fail in this process; false: cannot be. */
static inline bool forbid(unsigned call, unsigned also, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, also, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

#define CANNOT_FORBID 99

/*
 * fn in a child ends by this signal; or, with 0, returns 0.  What else it
 * returns says which check failed; CANNOT_FORBID skips the test.
 */
static inline void assert_child(int (*fn)(void), int signal_wanted)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		signal(SIGABRT, SIG_DFL);
		_exit(fn());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (signal_wanted) {
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signal_wanted);
		return;
	}
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CANNOT_FORBID)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

#endif
