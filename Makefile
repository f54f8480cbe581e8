# SPDX-License-Identifier: BSD-2-Clause
#
# fixheap's build, in the manner of Kbuild: see `make help`.
#
# One make reads everything: each folder's Makefile only lists its objects, and
# the rules are here.  All that is made lies under $(objtree), which is the
# tree itself unless O= says otherwise.
#
# An object is made again when a file that it includes changes (-MMD), when
# .config changes a symbol that is mentioned there (tools/build/autoconf.sh),
# when the flags change (the file include/config/flags holds them), or when this
# Makefile does.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:

srctree := $(CURDIR)
objtree := $(abspath $(or $(O),.))
CONFIG := $(objtree)/.config
defconfig := tools/build/defconfig

# ---- how it is said: `CC  mm/run.o`, or with V=1 the whole command ----------

short = $(patsubst $(objtree)/%,%,$@)
ifeq ($(V),1)
say =
Q :=
else ifneq ($(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS)))),)
say = @
Q := @
else
say = @printf '  %-7s %s\n' '$(1)' '$(or $(2),$(short))';
Q := @
endif

# ---- what is asked for ------------------------------------------------------

config-goals := defconfig menuconfig nconfig oldconfig olddefconfig \
	savedefconfig allyesconfig allnoconfig alldefconfig randconfig
# These need no compiler and no configuration, or start another make.
plain-goals := $(config-goals) help deps clean distclean mrproper format tags \
	check check-slow demo bench placement uninstall
.PHONY: all unit unit-objects host-tests modes vm-tests cpp-tests own-tests \
	model stress fuzz bench-program cost install $(plain-goals) FORCE
all:

goals := $(or $(MAKECMDGOALS),all)
ifneq ($(filter $(plain-goals),$(goals)),)
ifneq ($(words $(goals)),1)
one-by-one := 1
endif
endif

ifdef one-by-one
# `make defconfig all`, `make clean all`: in this order, one after the other.
.NOTPARALLEL:
.PHONY: one-by-one
$(goals): one-by-one
	@:
one-by-one:
	+@set -e; for goal in $(goals); do $(MAKE) $$goal; done

else ifneq ($(filter $(plain-goals),$(goals)),)
include tools/build/goals.mk

else
include tools/build/rules.mk
endif
