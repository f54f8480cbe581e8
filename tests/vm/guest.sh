#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# guest.sh PROGRAM...: run test programs, inside of the machine, by busybox.
#
# Prints their TAP.  A program that crashes, or that runs no test, is a failed
# test of its own.
#   PROGRAM_LIMIT  seconds for each
export CMOCKA_MESSAGE_OUTPUT=TAP
status=0
# For moments the kernel keeps more for itself, when pages of different kinds
# get mixed; the tests count what a node has left.
echo 0 >/proc/sys/vm/watermark_boost_factor
read -r _ _ version _ </proc/version
echo "# Linux $version"
for program; do
	name=${program##*/}
	read -r start _ </proc/uptime
	echo "# $name"
	{
		timeout -k 5 "${PROGRAM_LIMIT:-120}" "$program" 2>&1
		echo $? >/tmp/result
	} | tee /tmp/output
	result=$(cat /tmp/result)
	read -r end _ </proc/uptime
	echo "# $name: $((${end%.*} - ${start%.*})) s"
	if [ "$result" != 0 ]; then
		status=1
		grep '^not ok' /tmp/output | grep -qv '# SKIP' ||
			echo "not ok - $name ended with status $result"
	elif ! grep -Eq '^(not )?ok [0-9]' /tmp/output; then
		status=1
		echo "not ok - $name ran no test"
	fi
done
exit $status
