#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# build.sh NAME [CONFIG_X=VALUE...] [make arguments]: build in $B/NAME.
#
# The configuration is the defconfig with these symbols changed, or the .config
# that is there already when none are given.  Warnings are errors.  Tests are
# linked by gold where there is one, in half the time.
set -eu
dir=${B:?is set by tests/run.sh}/$1
shift
symbols=() arguments=()
if ${CC:-gcc} -fuse-ld=gold -Wl,-v 2>/dev/null | grep -q gold; then
	arguments+=(TEST_LDFLAGS=-fuse-ld=gold)
fi
for word; do
	case $word in
	CONFIG_*) symbols+=("$word") ;;
	*) arguments+=("$word") ;;
	esac
done

mkdir -p "$dir"
if [ "${#symbols[@]}" != 0 ] || [ ! -f "$dir/.config" ]; then
	cp tools/build/defconfig "$dir/.config.wanted"
	for symbol in "${symbols[@]}"; do
		sed -i -E "s/^(# )?${symbol%%=*}[ =].*/$symbol/" \
			"$dir/.config.wanted"
	done
	if ! cmp -s "$dir/.config.wanted" "$dir/.config.asked"; then
		cp "$dir/.config.wanted" "$dir/.config"
		mv "$dir/.config.wanted" "$dir/.config.asked"
	fi
fi
# Steps that run side by side build the same thing once.
exec 9>"$dir/.lock"
flock 9
exec ${MAKE:-make} -j"${JOBS:-2}" O="$dir" WERROR=1 "${arguments[@]}"
