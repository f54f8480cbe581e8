# SPDX-License-Identifier: BSD-2-Clause
"""util/chplenv/chpl_fixheap.py: how to compile and link with fixheap.

Like those of other packages, the functions give two lists: flags for what comes
with Chapel, of which there are none, and for what the system has.
"""
import subprocess


def pkg_config(what):
    return subprocess.check_output(
        ['pkg-config', what, 'fixheap'], universal_newlines=True).split()


def get_compile_args():
    return [], pkg_config('--cflags')


def get_link_args():
    return [], pkg_config('--libs')
