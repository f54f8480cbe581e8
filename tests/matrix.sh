#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# matrix.sh [WHICH...]: every symbol is built and tested both ways.
#
# First, the defconfig is complete and what Kconfig itself would write.  Then
# everything off, everything on, each symbol flipped against the defconfig
# (numbers: two other values), and ten random ones.  Each is built without
# optimization, warnings being errors, and its unit tests are run.  Those
# that take longest, tests/long, are run with everything on and LONG=1.  Of the
# others, a third are run with everything off and with everything on, and a
# tenth with the rest, which depends on SEED: ten runs in a row have them all.
# PART=1: all are run with each.
#
# JOBS of them are tried at a time, 2 by default.  Most symbols change little,
# and little is compiled or run twice.  Each begins with the objects of the
# defconfig, and make knows which of them the symbols change.  There is no debug
# information, so that programs that a symbol does not change are the same byte
# for byte; one that has passed is not run again in this run.
#
# WHICH: names as printed, such as no-NUMA or random-17; all when none is given.
# SEED: where the random ones begin; it is printed.
set -eu
B=${B:-/tmp/fixheap-matrix}
export B MAKE=${MAKE:-make}
LONG=${LONG-}
seed=${SEED:-$((RANDOM % 10000))}
number=0 status=0
dir=$B/matrix
mkdir -p "$dir"
export PASSED=$dir/passed
flags=(-s 'CFLAGS=-O0 -g0')
workers=${JOBS:-2}
rm -f "$PASSED"

result()	# result STATUS NAME
{
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		status=1
	fi
}

conf()	# conf FILE GOAL: one run of the Kconfig tool
{
	KCONFIG_CONFIG=$1 kconfig-conf --"$2" Kconfig >/dev/null
}

symbols()	# symbols TYPE: as they stand in Kconfig
{
	awk -v type="$1" '$1 == "config" { name = $2 }
		$1 == type { print name }' Kconfig
}

defaults()
{
	conf "$dir/made" alldefconfig
	diff tools/build/defconfig "$dir/made" && r=0 || r=1
	result $r 'defconfig is what Kconfig writes'
	cp tools/build/defconfig "$dir/made"
	conf "$dir/made" olddefconfig
	diff tools/build/defconfig "$dir/made" && r=0 || r=1
	result $r 'olddefconfig leaves it alone'
	KCONFIG_CONFIG=$dir/made kconfig-conf \
		--savedefconfig="$dir/saved" Kconfig >/dev/null
	KCONFIG_CONFIG=$dir/made kconfig-conf \
		--defconfig="$dir/saved" Kconfig >/dev/null
	diff tools/build/defconfig "$dir/made" && r=0 || r=1
	result $r 'savedefconfig brings it back'
	awk '
		$1 == "config" {
			if (name && !help)
				print name
			name = $2
			help = 0
		}
		$1 == "help" { help = 1 }
		END { if (!help) print name }' Kconfig >"$dir/undocumented"
	cat "$dir/undocumented"
	[ ! -s "$dir/undocumented" ] && r=0 || r=1
	result $r 'every symbol has help'
}

set_symbol()	# set_symbol FILE SYMBOL VALUE, then let Kconfig settle the rest
{
	sed -i "/CONFIG_$2[ =]/d" "$1"
	echo "CONFIG_$2=$3" >>"$1"
	conf "$1" olddefconfig
	if [ "$3" != n ] && ! grep -qx "CONFIG_$2=$3" "$1"; then
		echo "# $2=$3 is not possible:"
		cat "$1"
		return 1
	fi
}

# configs NAME...: write $dir/NAME.config for every combination, in order.
names=()
add()	# add NAME: the one in $dir/now, unless there is an equal one
{
	local other

	for other in "${names[@]}"; do
		if cmp -s "$dir/now" "$dir/$other.config"; then
			echo "# $1 is the same as $other"
			return
		fi
	done
	cp "$dir/now" "$dir/$1.config"
	names+=("$1")
}

flip()	# flip SYMBOL
{
	cp tools/build/defconfig "$dir/now"
	if grep -q "^CONFIG_$1=y" "$dir/now"; then
		set_symbol "$dir/now" "$1" n && add "no-$1"
	else
		set_symbol "$dir/now" "$1" y && add "$1"
	fi
}

number_symbol()	# number_symbol SYMBOL VALUE
{
	cp tools/build/defconfig "$dir/now"
	set_symbol "$dir/now" "$1" "$2" && add "$1-$2"
}

random()	# random SEED
{
	KCONFIG_SEED=$1 conf "$dir/now" randconfig
	# Kconfig leaves numbers at their defaults; two in three stay there.
	case $(($1 % 3)) in
	0) set_symbol "$dir/now" HEAP_SHIFT $((30 + $1 % 15)) ;;
	esac
	add "random-$1"
}

configs()
{
	conf "$dir/now" allnoconfig && add allno
	conf "$dir/now" allyesconfig && add allyes
	local symbol i

	for symbol in $(symbols bool); do
		flip "$symbol"
	done
	number_symbol PAGE_SHIFT 13
	number_symbol PAGE_SHIFT 16
	number_symbol HEAP_SHIFT 30
	number_symbol HEAP_SHIFT 40
	for ((i = seed; i < seed + 10; i++)); do
		random "$i"
	done
}

left_out()	# left_out NAME: unit tests that it does without, on one line
{
	local i part=10

	[ "$1$LONG" != allyes1 ] || return 0
	case $1 in
	all*) part=3 ;;
	esac
	for ((i = 0; i < ${#names[@]}; i++)); do
		[ "${names[i]}" != "$1" ] || break
	done
	SOME=$((seed + i)) tests/some.sh "${PART:-$part}" 2>/dev/null
}

# The objects of the defconfig, for each that builds at the same time.  What
# they are made of is known by the full name of their folder.
base()
{
	local i file

	rm -rf "$dir"/base* "$dir"/build*
	mkdir -p "$dir/build0"
	cp tools/build/defconfig "$dir/build0/.config"
	tests/build.sh matrix/build0 "${flags[@]}" unit-objects \
		>"$dir/base.log" 2>&1 || {
		tail -n 20 "$dir/base.log"
		result 1 'the defconfig compiles'
		exit 1
	}
	mv "$dir/build0" "$dir/base0"
	for ((i = 1; i < workers; i++)); do
		cp -a "$dir/base0" "$dir/base$i"
		grep -rlIF "$dir/build0" "$dir/base$i" | while read -r file; do
			sed -i "s,$dir/build0,$dir/build$i,g" "$file"
			touch -r "$dir/base0${file#"$dir/base$i"}" "$file"
		done
	done
}

try()	# try NAME I: build it in buildI and run its unit tests
{
	local EXCEPT build=$dir/build$2

	EXCEPT=$(left_out "$1")
	export EXCEPT
	rm -rf "$build"
	cp -a "$dir/base$2" "$build"
	cp "$dir/$1.config" "$build/.config"
	r=0
	if ! tests/build.sh "matrix/build$2" "${flags[@]}" all unit \
		>"$dir/$1.log" 2>&1 ||
		! tests/programs.sh "matrix/build$2" unit >>"$dir/$1.log" 2>&1
	then
		r=1
		{
			grep '^CONFIG' "$build/.config" | paste -sd ' '
			grep -v '# SKIP' "$dir/$1.log" |
				grep -B 5 -A 5 '^not ok' ||
				tail -n 20 "$dir/$1.log"
		} | sed 's/^/# /'
		echo "# again: SEED=$seed tests/matrix.sh $1"
	fi
	rm -rf "$build"
	return $r
}

# try_all NAME...: JOBS of them at a time, each on one processor.
try_all()
{
	local name pid i
	local -A worker=() name_of=() # by process
	local free=()

	for ((i = 0; i < workers; i++)); do
		free+=("$i")
	done
	while [ $# != 0 ] || [ "${#worker[@]}" != 0 ]; do
		if [ $# != 0 ] && [ "${#free[@]}" != 0 ]; then
			JOBS=1 try "$1" "${free[-1]}" >"$dir/$1.out" &
			worker[$!]=${free[-1]}
			name_of[$!]=$1
			unset 'free[-1]'
			shift
			continue
		fi
		r=0
		wait -n -p pid "${!worker[@]}" || r=1
		name=${name_of[$pid]}
		free+=("${worker[$pid]}")
		unset "worker[$pid]"
		cat "$dir/$name.out"
		result $r "$name"
	done
}

if ! command -v kconfig-conf >/dev/null; then
	echo 'kconfig-frontends-nox is not installed'
	exit 77
fi
echo "# SEED=$seed"
[ $# != 0 ] || defaults
configs
base
wanted=()
for name in "${names[@]}"; do
	if [ $# = 0 ] || [[ " $* " == *" $name "* ]]; then
		wanted+=("$name")
	fi
done
try_all "${wanted[@]}"
rm -rf "$PASSED" "$dir"/base*
echo "1..$number"
exit $status
