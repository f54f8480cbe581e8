# SPDX-License-Identifier: BSD-2-Clause
# Where things are installed, and under which version.

PREFIX ?= /usr/local
prefix ?= $(PREFIX)
bindir ?= $(prefix)/bin
libdir ?= $(prefix)/lib
includedir ?= $(prefix)/include
pkgconfigdir ?= $(libdir)/pkgconfig
mandir ?= $(prefix)/share/man
datadir ?= $(prefix)/share/fixheap

# What is installed is a list of words with colons in them, and pkg-config has
# its own mind about blanks: such paths are refused before anything is done.
# DESTDIR may hold blanks.
unfit-chars := ' " : ; | & \ * ? ~ < > ` $$
unfit = $(filter-out 0 1,$(words $(1)))$(filter-out /%,$(firstword $(1)))$(\
	)$(foreach c,$(unfit-chars),$(findstring $c,$(1)))
$(foreach name,PREFIX prefix bindir libdir includedir pkgconfigdir mandir \
	datadir,$(if \
	$(strip $(call unfit,$($(name)))),$(error $(name) is '$($(name))': it \
	must be a path from / on, without blanks and any of $(unfit-chars))))
$(if $(findstring ',$(DESTDIR)),$(error DESTDIR is "$(DESTDIR)": \
	it must not have a quote in it))

# 0.1.0, as the public header says.  The soname changes with the first number.
VERSION := $(shell awk '/define FIXHEAP_VERSION_(MAJOR|MINOR|PATCH)/ \
	{ v = v sep $$3; sep = "." } END { print v }' include/fixheap/fixheap.h)
SONAME := $(firstword $(subst ., ,$(VERSION)))
