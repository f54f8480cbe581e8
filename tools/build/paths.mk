# SPDX-License-Identifier: BSD-2-Clause
# Where things are installed, and under which version.

PREFIX ?= /usr/local
prefix ?= $(PREFIX)
bindir ?= $(prefix)/bin
libdir ?= $(prefix)/lib
includedir ?= $(prefix)/include
pkgconfigdir ?= $(libdir)/pkgconfig
mandir ?= $(prefix)/share/man

# 0.1.0, as the public header says.  The soname changes with the first number.
VERSION := $(shell awk '/define FIXHEAP_VERSION_(MAJOR|MINOR|PATCH)/ \
	{ v = v sep $$3; sep = "." } END { print v }' include/fixheap/fixheap.h)
SONAME := $(firstword $(subst ., ,$(VERSION)))
