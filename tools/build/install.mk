# SPDX-License-Identifier: BSD-2-Clause
#
# make install and make uninstall, from one list, so that they agree:
# mode:what:where, and link:what it points to:where.

headers := $(notdir $(wildcard include/fixheap/*.h include/fixheap/*.hpp))
so := libfixheap.so

installed := \
	644:libfixheap.a:$(libdir)/libfixheap.a \
	755:$(so).$(VERSION):$(libdir)/$(so).$(VERSION) \
	link:$(so).$(VERSION):$(libdir)/$(so).$(SONAME) \
	link:$(so).$(SONAME):$(libdir)/$(so) \
	644:fixheap.pc:$(pkgconfigdir)/fixheap.pc \
	$(foreach h,$(headers),\
		644:include/fixheap/$h:$(includedir)/fixheap/$h) \
	644:tools/man/fixheap.3:$(mandir)/man3/fixheap.3 \
	644:tools/man/fixheap.7:$(mandir)/man7/fixheap.7
installed-preload := \
	755:libfixheap_preload.so:$(libdir)/fixheap/libfixheap_preload.so
installed-command := 755:tools/fixheap:$(bindir)/fixheap \
	644:tools/man/fixheap.1:$(mandir)/man1/fixheap.1 \
	644:tools/fixheap.schema.json:$(datadir)/fixheap.schema.json \
	644:tools/man/fixheap-trace.5:$(mandir)/man5/fixheap-trace.5

part = $(word $(1),$(subst :, ,$(2)))
dest = '$(DESTDIR)$(call part,3,$(1))'

# Folders that are ours alone.
own-dirs := $(datadir) $(includedir)/fixheap $(libdir)/fixheap
