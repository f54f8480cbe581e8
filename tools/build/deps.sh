#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# deps.sh GROUP...: install what is missing of the packages of these groups.
#
# Needs nothing but a shell, awk and dpkg.  Only what is missing is asked of
# apt-get; without apt-get the list is printed, and it is for you to judge.
set -eu
list=$(dirname "$0")/packages
groups=" $* "

packages()	# the wanted ones: package purpose
{
	awk -F'\t+' -v groups="$groups" '
		!/^#/ && NF == 3 && index(groups, " " $1 " ") {
			print $2, $3
		}' "$list"
}

installed()
{
	dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null |
		grep -qx installed
}

# Whether the distribution has a package of that name to install.
available()
{
	apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'
}

# missing: those of which no alternative is installed, alternatives kept.
missing()
{
	packages | while read -r names purpose; do
		for name in $(echo "$names" | tr '|' ' '); do
			if installed "$name"; then
				continue 2
			fi
		done
		echo "$names"
	done
}

# choose: the first alternative that can be installed, else the first.
choose()
{
	for names in $wanted; do
		chosen=
		for name in $(echo "$names" | tr '|' ' '); do
			if available "$name"; then
				chosen=$name
				break
			fi
		done
		echo "${chosen:-${names%%|*}}"
	done
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "deps: no apt-get here.  Needed (names of Debian's packages):"
	packages | sed 's/^/  /'
	exit 0
fi

wanted=$(missing)
if [ -z "$wanted" ]; then
	echo "deps: nothing is missing ($*)"
	exit 0
fi

as_root=
if [ "$(id -u)" != 0 ]; then
	as_root=sudo
	if ! command -v sudo >/dev/null; then
		echo "deps: missing, and you are not root.  Run as root:" >&2
		echo "  apt-get install --no-install-recommends" $(choose) >&2
		exit 1
	fi
fi

apt()
{
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq \
		-o Dpkg::Use-Pty=0 "$@"
}

# The lists of packages may be absent or old: fetch them only then.
for name in $(choose); do
	if ! available "$name"; then
		echo "deps: apt-get update: $name is not in the lists here"
		apt update
		break
	fi
done

echo "deps: installing" $(choose)
if ! apt install -y --no-install-recommends $(choose); then
	echo "deps: that failed; once more, with fresh lists of packages"
	apt update
	apt install -y --no-install-recommends $(choose)
fi

wanted=$(missing)
if [ -n "$wanted" ]; then
	echo "deps: still missing:" $wanted >&2
	exit 1
fi
echo "deps: done"
