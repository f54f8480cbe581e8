# SPDX-License-Identifier: BSD-2-Clause
# The rules: read by the Makefile when something has to be compiled.

# $(call tool,CC,gcc): what the user says, else the one of CROSS_COMPILE.
tool = $(strip $(if $(filter default undefined,$(origin $(1))),\
	$(CROSS_COMPILE)$(2),$($(1))))
CC := $(call tool,CC,gcc)
# The other half of the compiler that CC is.
CXX := $(if $(filter default undefined,$(origin CXX)),$(strip $(if \
	$(findstring clang,$(CC)),$(subst clang,clang++,$(CC)),\
	$(CROSS_COMPILE)g++)),$(CXX))
LD := $(call tool,LD,ld)
AR := $(call tool,AR,ar)
NM := $(call tool,NM,nm)
OBJCOPY := $(call tool,OBJCOPY,objcopy)
CFLAGS ?= -O2
comma := ,
machine := $(shell $(CC) -dumpmachine)
ifeq ($(machine),)
$(error no compiler: `$(CC)` does not run. `make deps` installs what is needed)
endif

include tools/build/paths.mk

# ---- configuration ----------------------------------------------------------

autoconf := $(objtree)/include/generated/autoconf.h
autoconf-mk := $(objtree)/include/config/auto.conf
flags-file := $(objtree)/include/config/flags
paths-file := $(objtree)/include/config/paths

# Kept when there is one; no prerequisites.
$(CONFIG):
	$(call say,CONFIG,.config from $(defconfig))mkdir -p $(@D) && \
		cp $(defconfig) $@

# Made, and read again, before anything else.
$(autoconf-mk): $(CONFIG) Kconfig tools/build/autoconf.sh
	$(call say,GEN,include/generated/autoconf.h)tools/build/autoconf.sh \
		$(CONFIG) $@ $(objtree)

$(autoconf): $(autoconf-mk) ;

include $(autoconf-mk)

# ---- objects ----------------------------------------------------------------

# $(call read,dir): read its Makefile.  obj-y and the like become full names.
define read
obj-y :=
include $(1)/Makefile
$(1)-objs := $$(addprefix $(objtree)/$(1)/,$$(obj-y))
endef
$(foreach dir,mm arch tools tests,$(eval $(call read,$(dir))))

sim-objs := $(addprefix $(objtree)/arch/,$(sim-y))
lib-objs := $(mm-objs) $(arch-objs)
# The library as the preload library has it: without libnuma.
preload-lib-objs := $(filter-out $(addprefix $(objtree)/arch/,$(numa-y)),\
	$(lib-objs))
preload-lib-objs += $(if $(CONFIG_NUMA),\
	$(addprefix $(objtree)/arch/,$(numa-none)))
fixheap-objs := $(addprefix $(objtree)/tools/,$(fixheap-y))
preload-objs := $(addprefix $(objtree)/tools/,$(preload-y))

ifneq ($(CONFIG_COMMAND),)
ifeq ($(CONFIG_PRELOAD),)
$(error .config has COMMAND without PRELOAD: run `make olddefconfig`)
endif
endif
ifneq ($(CONFIG_PRELOAD),)
ifeq ($(CONFIG_JEMALLOC),)
$(error .config has PRELOAD without JEMALLOC: run `make olddefconfig`)
endif
endif

libs-y := -lpthread -ldl
libs-$(CONFIG_NUMA) += -lnuma
LIBS := $(libs-y)

san-flags := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)
ifneq ($(findstring undefined,$(SAN)),)
san-flags += -fno-sanitize-recover=undefined
endif
# gcc warns that TSan does not follow fences.  clang does not know the warning.
ifneq ($(findstring thread,$(SAN)),)
san-flags += $(if $(findstring clang,$(CC)),,-Wno-tsan)
endif
san-flags += $(if $(FUZZ),-fsanitize=fuzzer-no-link)

# As of the system, autoconf.h is not among what an object is said to include.
cppflags := -Iinclude -Imm -Iarch/$(ARCH) -isystem $(dir $(autoconf)) \
	-include autoconf.h -include mm/kconfig.h -D_GNU_SOURCE= $(CPPFLAGS)
# On some processors only with that flag is there what backtrace.c reads.
cflags := -std=gnu11 -fPIC -ftls-model=initial-exec -fno-strict-aliasing \
	-fasynchronous-unwind-tables -fno-common -Wall -Wextra \
	-Wmissing-prototypes -Wstrict-prototypes -Wold-style-definition \
	-Wpointer-arith -Wshadow -Wundef -Wvla -Wwrite-strings \
	-Wdeclaration-after-statement \
	$(if $(CONFIG_DEBUG_INFO),-g) $(CFLAGS) \
	$(if $(CONFIG_WERROR)$(WERROR),-Werror) $(san-flags)
# C++ is only in tests: they are built as a program of the user's would be.
cxxflags := -std=c++17 -pedantic -Wall -Wextra -Wpointer-arith -Wundef -Wvla \
	$(if $(CONFIG_DEBUG_INFO),-g) $(CFLAGS) \
	$(if $(CONFIG_WERROR)$(WERROR),-Werror) $(san-flags)
hidden := -fvisibility=hidden -include mm/export.h
cflags-mm := $(hidden)
cflags-arch := $(hidden)
cflags-tools := -Itools
cflags-tests := -Itests -Iarch -Itools
ldflags := $(LDFLAGS) $(san-flags)
# A sanitizer's run-time library is only in the program.
no-undefined := $(if $(SAN),,-Wl$(comma)-z$(comma)defs)

ifdef CONFIG_JEMALLOC
JEMALLOC_PIC ?= $(shell $(CC) -print-file-name=libjemalloc_pic.a)
endif

flags-text := $(CC) $(CXX) $(machine) $(cppflags) $(cflags) $(ldflags) \
	$(JEMALLOC_PIC)
paths-text := $(libdir) $(includedir) $(bindir) $(VERSION) $(LIBS)

# Written only when they differ.
$(flags-file) $(paths-file): FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$($(@F)-text))' | cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$($(@F)-text))' >$@

# $*: mm/run.  Flags are those of its folder, then its own.
compile = $(CC) $(cppflags) $(cflags) $(cflags-$(firstword $(subst /, ,$*))) \
	$(cflags-$*) -MMD -MP -c -o $@ $<

# When autoconf.h changes, autoconf.sh removes the objects that have to be made.
$(objtree)/%.o: %.c $(flags-file) Makefile tools/build/rules.mk | $(autoconf)
	$(call say,CC)$(compile)

$(objtree)/%.o: %.cc $(flags-file) Makefile tools/build/rules.mk
	$(call say,CXX)$(CXX) -Iinclude $(CPPFLAGS) \
		$(cxxflags) -MMD -MP -c -o $@ $<

$(objtree)/tools/cmd_run.o: $(paths-file)
# In it by .incbin.
$(objtree)/tools/timeline.o: tools/timeline.html

# ---- the private jemalloc ---------------------------------------------------

$(objtree)/mm/je.o: tools/build/jemalloc.sh $(wildcard $(JEMALLOC_PIC)) \
		$(flags-file)
	$(call say,JEMALLOC)\
		LD='$(LD)' NM='$(NM)' AR='$(AR)' OBJCOPY='$(OBJCOPY)' \
		tools/build/jemalloc.sh '$(JEMALLOC_PIC)' $@

# ---- the library ------------------------------------------------------------

lib := $(objtree)/libfixheap
links := $(autoconf-mk) $(flags-file) Makefile mm/Makefile arch/Makefile \
	tools/Makefile tests/Makefile tools/build/rules.mk

# All of it in one object, in which only the public names are global: so the
# archive brings no short name into a program.
$(lib).o: $(lib-objs) $(links)
	$(call say,LD)$(LD) -r -o $@.tmp $(lib-objs) && \
		$(OBJCOPY) -w --keep-global-symbol='fixheap_*' \
			--keep-global-symbol='_.stapsdt.base' $@.tmp $@ && \
		rm -f $@.tmp

$(lib).a: $(lib).o
	$(call say,AR)rm -f $@ && $(AR) rcD $@ $<

$(lib).so.$(VERSION): $(lib).o tools/build/libfixheap.map
	$(call say,LD)$(CC) $(ldflags) -shared -o $@ $< \
		-Wl,-soname,libfixheap.so.$(SONAME) -Wl,-z,nodelete \
		-Wl,--version-script=tools/build/libfixheap.map \
		$(no-undefined) $(LIBS)

$(lib).so.$(SONAME): $(lib).so.$(VERSION)
	$(call say,LN)ln -sf $(<F) $@

$(lib).so: $(lib).so.$(SONAME)
	$(call say,LN)ln -sf $(<F) $@

$(lib)_preload.so: $(preload-objs) $(preload-lib-objs) $(links) \
		tools/build/preload.map
	$(call say,LD)$(CC) $(ldflags) -shared -o $@ $(preload-objs) \
		$(preload-lib-objs) \
		-Wl,--version-script=tools/build/preload.map -Wl,-z,nodelete \
		-static-libgcc $(no-undefined) $(filter-out -lnuma,$(LIBS))

$(objtree)/tools/fixheap: $(fixheap-objs) $(lib).a $(links)
	$(call say,LD)$(CC) $(ldflags) -o $@ $(fixheap-objs) $(lib).a \
		$(fixheap-libs) $(LIBS)

$(objtree)/fixheap.pc: tools/build/fixheap.pc.in $(paths-file)
	$(call say,GEN)sed -e 's|@prefix@|$(PREFIX)|' \
		-e 's|@libdir@|$(libdir)|' -e 's|@includedir@|$(includedir)|' \
		-e 's|@version@|$(VERSION)|' -e 's|@libs@|$(LIBS)|' $< >$@

products := $(lib).a $(lib).so $(objtree)/fixheap.pc
products += $(if $(CONFIG_PRELOAD),$(lib)_preload.so)
products += $(if $(CONFIG_COMMAND),$(objtree)/tools/fixheap)
all: $(products)

# ---- tests ------------------------------------------------------------------

# Names of the tests in folder $(1), less those in the list $(2).
test-names = $(filter-out $(2),$(basename $(notdir $(wildcard \
	tests/$(1)/test_*.c))))
bin := $(objtree)/tests/bin
unit-bins := $(addprefix $(bin)/unit/,$(call test-names,unit,$(unit-)))
host-bins := $(addprefix $(bin)/host/,$(call test-names,host,$(host-)))
vm-bins := $(addprefix $(bin)/vm/,$(call test-names,vm,$(vm-)) \
	$(if $(CONFIG_NUMA),placement))
modes-bins := $(addprefix $(bin)/modes/,$(call test-names,modes,$(modes-)))
fuzz-bins := $(patsubst tests/fuzz/%.c,$(bin)/fuzz/%,\
	$(wildcard tests/fuzz/fuzz_*.c))

cpp-bins := $(patsubst tests/%.cc,$(bin)/%,$(wildcard tests/cpp/test_*.cc))
own-bins := $(addprefix $(bin)/own/,$(call test-names,own))

# All names are visible in these; a test is linked with the objects it needs.
sim-all := $(mm-objs) $(sim-objs) $(addprefix $(objtree)/tests/,$(sim-shared))
host-all := $(sort $(lib-objs) $(objtree)/arch/linux/backtrace.o) \
	$(addprefix $(objtree)/tests/,$(host-shared))
vm-objs := $(addprefix $(objtree)/tests/,$(vm-shared))
own-objs := $(addprefix $(objtree)/tests/,$(own-shared))
modes-all := $(addprefix $(objtree)/tests/,$(modes-shared))
$(bin)/sim.a: $(sim-all) $(links)
	$(call say,AR)rm -f $@ && $(AR) rcTD $@ $(sim-all)
$(bin)/host.a: $(host-all) $(links)
	$(call say,AR)rm -f $@ && $(AR) rcTD $@ $(host-all)
$(bin)/modes.a: $(modes-all) $(links)
	$(call say,AR)rm -f $@ && $(AR) rcTD $@ $(modes-all)

# TEST_LDFLAGS: of these alone.
link-test = $(call say,LD)$(CC) $(ldflags) $(TEST_LDFLAGS) $(1) -o $@ \
	$(filter %.o %.a,$^) $(2) $($(@F)-libs) $(LIBS)

$(unit-bins): $(bin)/%: $(objtree)/tests/%.o $(bin)/sim.a
	$(call link-test,,-lcmocka)
$(host-bins): $(bin)/%: $(objtree)/tests/%.o $(bin)/host.a
	$(call link-test,,-lcmocka)
$(vm-bins): $(bin)/%: $(objtree)/tests/%.o $(vm-objs) $(lib).a $(links)
	$(call link-test,,-lcmocka)
$(own-bins): $(bin)/%: $(objtree)/tests/%.o $(own-objs) $(lib).a $(links)
	$(call link-test)
$(cpp-bins): $(bin)/%: $(objtree)/tests/%.o $(lib).a $(links)
	$(call say,LD)$(CXX) $(ldflags) -o $@ \
		$(filter %.o %.a,$^) $(LIBS)
$(modes-bins): $(bin)/%: $(objtree)/tests/%.o $(bin)/modes.a $(lib).a
	$(call link-test,,-lcmocka)
$(fuzz-bins): $(bin)/%: $(objtree)/tests/%.o $(bin)/sim.a
	$(call link-test,-fsanitize=fuzzer)
$(bin)/model $(bin)/stress: $(bin)/%: $(objtree)/tests/%/main.o $(bin)/sim.a
	$(call link-test)

bench-objs := $(addprefix $(objtree)/tests/,$(bench-y))
$(bin)/bench: $(bench-objs) $(lib).a $(links)
	$(call link-test)
$(bin)/bench-noclear.so: $(objtree)/tests/bench/noclear/noclear.o
	$(call say,LD)$(CC) $(ldflags) -shared -o $@ $<
$(bin)/cost: $(objtree)/tests/cost/main.o $(lib).a $(links)
	$(call link-test)

test-bins := $(unit-bins) $(host-bins) $(vm-bins) $(fuzz-bins) $(cpp-bins) \
	$(own-bins) $(modes-bins)
# EXCEPT: names of those that are not wanted.
unit: $(filter-out $(addprefix $(bin)/unit/,$(EXCEPT)),$(unit-bins))
# What the library, the command and all of these are made of.
unit-objects: $(sort $(lib-objs) $(preload-lib-objs) $(preload-objs) \
	$(fixheap-objs) $(sim-all)) \
	$(patsubst $(bin)/%,$(objtree)/tests/%.o,$(unit-bins))
host-tests: $(host-bins)
modes: $(modes-bins)
vm-tests: $(vm-bins)
cpp-tests: $(cpp-bins)
own-tests: $(own-bins)
fuzz: $(fuzz-bins)
model: $(bin)/model
stress: $(bin)/stress
bench-program: $(bin)/bench $(bin)/bench-noclear.so
cost: $(bin)/cost

include tools/build/install.mk

all-objs := $(sort $(lib-objs) $(preload-lib-objs)) $(sim-objs) \
	$(fixheap-objs) $(preload-objs) \
	$(patsubst $(bin)/%,$(objtree)/tests/%.o,$(test-bins)) \
	$(sim-all) $(host-all) $(modes-all) $(vm-objs) $(own-objs) \
	$(objtree)/tests/model/main.o \
	$(objtree)/tests/stress/main.o $(objtree)/tests/cost/main.o \
	$(bench-objs) $(objtree)/tests/bench/noclear/noclear.o
-include $(wildcard $(all-objs:.o=.d))
# Once, rather than in front of each compiler.
$(shell mkdir -p $(sort $(dir $(all-objs) $(test-bins))) $(bin))

# ---- install ----------------------------------------------------------------

to-install := $(installed) $(if $(CONFIG_PRELOAD),$(installed-preload)) \
	$(if $(CONFIG_COMMAND),$(installed-command))

# Where a file is: made, or in the tree.
origin-of = $(if $(filter include/% tools/man/% %.json,$(1)),,$(objtree)/)$(1)
define install-one
	$(call say,INSTALL,$(DESTDIR)$(call part,3,$(1)))$(if \
		$(filter link:%,$(1)),\
		ln -sf $(call part,2,$(1)) $(call dest,$(1)),\
		install -D -m $(call part,1,$(1)) \
		$(call origin-of,$(call part,2,$(1))) $(call dest,$(1)))

endef

install: all
	$(foreach i,$(to-install),$(call install-one,$i))
	@if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ] && \
		command -v ldconfig >/dev/null; then ldconfig; fi
