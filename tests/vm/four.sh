#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# four.sh [OPTION...] [--] COMMAND [ARGUMENT...]: numavm with the machine that
# the tests are for, and any options of numavm's more.
#
# Nodes 0 and 1 have a CPU each, 2 has one and no memory, 3 memory only, which
# is the nearest to 1.  tests/vm/vm.h names them.
exec "$(dirname "$0")/numavm" -n 512M/0,512M/1,0/2,256M \
	-d 0-1:16,0-2:22,0-3:28,1-2:14,1-3:12,2-3:30 \
	-a 'hugepages=0:16,1:16,3:8' "$@"
