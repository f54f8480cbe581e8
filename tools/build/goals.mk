# SPDX-License-Identifier: BSD-2-Clause
#
# Goals that compile nothing themselves: configuration, packages, cleaning, and
# the ones that install what is missing first and then start make again.

include tools/build/paths.mk
include tools/build/install.mk

# ---- configuration: kconfig-frontends does it -------------------------------

kconfig = @mkdir -p $(objtree) && command -v kconfig-$(1) >/dev/null || { \
	echo '$@ needs kconfig-frontends-nox: run `make deps`' >&2; exit 1; }; \
	KCONFIG_CONFIG=$(CONFIG) kconfig-$(1)

defconfig:
	$(Q)mkdir -p $(objtree) && cp $(defconfig) $(CONFIG)
	@echo '# configuration written to $(CONFIG)'

menuconfig:
	$(call kconfig,mconf) Kconfig
nconfig:
	$(call kconfig,nconf) Kconfig
oldconfig olddefconfig allyesconfig allnoconfig alldefconfig randconfig:
	$(call kconfig,conf) --$@ Kconfig
savedefconfig:
	$(call kconfig,conf) --savedefconfig=$(objtree)/defconfig Kconfig
	@echo '# differences from the defaults written to $(objtree)/defconfig'

# ---- packages ---------------------------------------------------------------

# GROUPS: build, test, slow, bench-*; see tools/build/packages.
deps:
	@tools/build/deps.sh $(or $(GROUPS),build test)

# ---- what is run ------------------------------------------------------------

check:
	@tools/build/deps.sh build test
	+@O='$(objtree)' MAKE='$(MAKE)' tests/run.sh tests/checks $(T)

check-slow:
	@tools/build/deps.sh build test slow
	+@O='$(objtree)' MAKE='$(MAKE)' tests/run.sh tests/checks-slow $(T)

# The demonstration, then a real compiler on a heap of 256 MiB.
demo-source := mm/run.c
demo-cc := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
demo:
	@tools/build/deps.sh build
	+@$(MAKE) all
	@test -x $(objtree)/tools/fixheap || { \
		echo 'demo needs the fixheap command: CONFIG_COMMAND=y' >&2; \
		exit 1; }
	@$(objtree)/tools/fixheap demo
	@echo; echo '$(demo-cc) compiles $(demo-source) on a heap of 256M:'
	@$(objtree)/tools/fixheap run --heap 256M --report -- \
		$(demo-cc) -O2 -Iinclude -Imm -Iarch/generic -D_GNU_SOURCE= \
		-include $(objtree)/include/generated/autoconf.h \
		-include mm/kconfig.h -c -o /dev/null $(demo-source)

# It goes on without what cannot be installed, and says so.
bench-groups := bench-malloc bench-pools bench-dpdk bench-programs \
	bench-charts
bench:
	@tools/build/deps.sh build
	@for group in $(bench-groups); do \
		tools/build/deps.sh $$group || \
			echo "bench: goes on without some of that"; \
	done
	+@$(MAKE) all bench-program
	@mkdir -p $(objtree)/bench
	@status=0; \
	$(objtree)/tests/bin/bench --tsv $(objtree)/bench/bench.tsv $(BENCH) \
		|| status=$$?; \
	tests/bench/charts.sh $(objtree)/bench/bench.tsv $(objtree)/bench; \
	exit $$status

# In the machine of the tests: this one may have one node only.  SVG=file: draw
# it, too.
placement:
	@tools/build/deps.sh build test
	+@$(MAKE) vm-tests
	@O='$(objtree)' tests/vm/placement.sh \
		$(objtree)/tests/bin/vm/placement $(SVG)

# ---- install, undone --------------------------------------------------------

uninstall:
	@rm -f $(foreach i,$(installed) $(installed-preload) \
		$(installed-command),$(call dest,$i))
	@for dir in $(foreach d,$(own-dirs),'$(DESTDIR)$d'); do \
		test ! -d "$$dir" || \
		rmdir --ignore-fail-on-non-empty "$$dir"; \
	done
	@echo 'fixheap is no longer in $(DESTDIR)$(PREFIX)'

# ---- upkeep -----------------------------------------------------------------

made := libfixheap.a libfixheap.o libfixheap.o.tmp fixheap.pc tools/fixheap \
	tests/bin tests/log tests/build bench include/config \
	include/generated tags \
	libfixheap.so libfixheap.so.$(SONAME) libfixheap.so.$(VERSION) \
	libfixheap_preload.so

clean:
	@rm -rf $(addprefix $(objtree)/,$(made))
	@for dir in mm arch tools tests; do \
		test ! -d $(objtree)/$$dir || \
		find $(objtree)/$$dir -name '*.[od]' -delete; \
	done

# And the kernels that were fetched; with O=, the folders as well, where nothing
# else is in them.
distclean mrproper: clean
	@rm -f $(CONFIG) $(CONFIG).old $(objtree)/defconfig
	@rm -rf $(objtree)/tests/kernels
ifneq ($(objtree),$(srctree))
	@test ! -d $(objtree) || find $(objtree) -depth -type d -empty -delete
endif

sources = find mm arch include tools tests samples -name '*.[ch]' \
	-o -name '*.cc' -o -name '*.hpp'

format:
	@$(sources) | xargs clang-format -i --style=file

tags:
	@$(sources) | xargs ctags -f $(objtree)/tags

help:
	@sed 's/^@//' tools/build/help
