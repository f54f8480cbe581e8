#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# kernel.sh PACKAGE FOLDER: a kernel of the distribution to boot in a virtual
# machine.  Prints the name of the file, FOLDER/vmlinuz-PACKAGE.
#
# PACKAGE is one that depends on the newest of a series, like
# linux-image-cloud-amd64.  It is downloaded and unpacked, not installed, and
# once only; this needs no root.  When the lists of packages are absent, or so
# old that the archive has dropped the version they name, fresh ones are read
# into a folder of ours; the system's are left alone.
#
# Status 0, or 1 after saying on stderr why there is no kernel.
set -eu
package=$1
mkdir -p "$2"
folder=$(realpath "$2")
image=$folder/vmlinuz-$package

# The package that has the files: PACKAGE has none of its own.
newest()
{
	apt-cache "$@" depends "$package" 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

# fetch [APT-OPTION...]: download into $work, and unpack there.
fetch()
{
	local name

	name=$(newest "$@")
	[ -n "$name" ] || return 1
	(cd "$work" && apt-get -q "$@" download "$name" &&
		dpkg-deb --fsys-tarfile ./*.deb |
		tar -xO --wildcards './boot/vmlinuz-*' >vmlinuz) >&2 &&
		[ -s "$work/vmlinuz" ]
}

fetch_with_fresh_lists()
{
	set -- -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" \
		-o APT::Sandbox::User=root

	rm -f "$work"/*.deb "$work/vmlinuz"
	mkdir -p "$work/lists/partial" "$work/cache/archives/partial" &&
		apt-get -qq "$@" update >&2 && fetch "$@"
}

# Two that start at a time share one download.
exec 9>"$image.lock"
flock 9
if [ ! -s "$image" ]; then
	for tool in apt-get apt-cache dpkg-deb; do
		if ! command -v $tool >/dev/null; then
			echo "there is no $tool to fetch $package with" >&2
			exit 1
		fi
	done
	work=$(mktemp -d "$folder/fetch.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	if ! fetch && ! fetch_with_fresh_lists; then
		echo "$package cannot be fetched: is there a network?" >&2
		exit 1
	fi
	mv "$work/vmlinuz" "$image"
fi
echo "$image"
