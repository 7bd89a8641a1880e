# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make            build/erxdpctl, build/erxdpd and build/erxdp-wire
# make check      install packages, pass every test (tools/check)
# make test       the layers of tests that need no root
# make unit       the unit tests alone, at once
# make check-bird BIRD as the judge of 200 random networks, and of mutations it must catch
# make check-kernels boot each of Debian's kernels in qemu and pass the tests there: labs, prog, e2e (as root)
# make check-inject  let every call to the system fail once, an hour; tools/check takes a sample
# make fuzz       every fuzz target for FUZZ_SECONDS (300)
# make bench-control  a million prefixes through the route computation, and BIRD beside it: time and memory
# make bench      packets/s and ns per packet: erxdp, kernel, bpf_fib_lookup, bare redirect; QUICK=1: under a minute
# make bench-stages   what each stage of the data plane costs, by leaving it out
# make bench-fastpath what 200,000 programmed addresses cost, against 100: loading, and each packet
# make bench-failover how long packets are lost after a carrier loss: erxdp, BIRD and FRR
# make format     all C as .clang-format has it
# make install    program, manual and topologies under PREFIX (/usr/local), below DESTDIR; without that also group erxdp
# make uninstall  take them away
# make clean      remove what was built
# make SAN=1 …    userspace with ASan and UBSan, in build-san/
# make V=1 …      show the commands

ifeq ($(SAN),1)
BUILD    ?= build-san
CFLAGS   ?= -O1 -g
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif
BUILD    ?= build
PREFIX   ?= /usr/local
CLANG    ?= clang
BPFTOOL  ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)

ifeq ($(V),1)
Q :=
say = @true
else
Q := @
say = @printf '  %-7s %s\n' >&2
endif

PKGS     := libbpf libxdp libelf zlib yaml-0.1 libcjson libmnl
VERSION  := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
CFLAGS   ?= -O2 -g
CFLAGS   += -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-missing-field-initializers $(SANFLAGS)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   := $(shell pkg-config --libs $(PKGS))
CPPFLAGS += -Iuser -Iinclude -I$(BUILD) $(PKG_CFLAGS)
LDLIBS   += $(PKG_LIBS) -lpthread -lm
# The programs use nothing newer than Linux 6.1 (tools/check-kernels boots it) and clang 14.
BPFFLAGS := -O2 -g -target bpf -mcpu=v3 -fno-strict-aliasing -Wall -Wextra -Werror -Wno-unused-parameter -Iinclude -Ibpf \
	    -I/usr/include/$(shell $(CC) -print-multiarch)

# What is missing is said once, and what to do about it.
NOTHING_BUILT := help clean format uninstall check test fuzz
ifneq ($(filter-out $(NOTHING_BUILT),$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell pkg-config --exists $(PKGS) 2>/dev/null && echo all),all)
$(error pkg-config does not find all of '$(PKGS)'; run tools/install-deps)
endif
endif

define need_clang
$(Q)major=$$($(CLANG) -dumpversion 2>/dev/null | cut -d. -f1); [ "$${major:-0}" -ge 14 ] || { \
	echo "'$(CLANG)' is $${major:+version }$${major:-missing}; the XDP programs need clang 14 or newer:" \
	     "run tools/install-deps, or name one with 'make CLANG=…'" >&2; exit 1; }
endef
define need_bpftool
$(Q)$(BPFTOOL) gen help 2>&1 | grep -q 'skeleton FILE \[name' || { \
	echo "'$(BPFTOOL)' is missing or cannot 'gen skeleton FILE name NAME'; bpftool of Linux 5.13 or newer can:" \
	     "run tools/install-deps, or name one with 'make BPFTOOL=…'" >&2; exit 1; }
endef

LAYERS   := lib topo ctl fwd dp net wire lab obs daemon cmd
LIB_SRC  := $(sort $(foreach l,$(LAYERS),$(wildcard user/$(l)/*.c)))
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o)
LIBRARY  := $(BUILD)/liberxdp.a
SKELETON := $(BUILD)/erxdp.skel.h

PROGRAMS := $(BUILD)/erxdpctl $(BUILD)/erxdpd $(BUILD)/erxdp-wire

all: $(PROGRAMS)

help:
	@sed -n 's/^# \(make\)/  \1/p' Makefile

$(PROGRAMS): $(BUILD)/%: $(BUILD)/user/%.o $(LIBRARY)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIBRARY): $(LIB_OBJ)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

# Written only when it has changed.
$(BUILD)/version: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
$(BUILD)/user/lib/version.o: $(BUILD)/version
$(BUILD)/user/lib/version.o: CPPFLAGS += -DERXDP_VERSION='"$(VERSION)"'

# Likewise. CONTRACT=… makes a build that does not read the labs of others.
CONTRACT ?= $(shell tools/contract)
$(BUILD)/contract: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(CONTRACT)' | cmp -s - $@ || echo '$(CONTRACT)' > $@
$(BUILD)/user/dp/contract.o: $(BUILD)/contract
$(BUILD)/user/dp/contract.o: CPPFLAGS += -DERXDP_CONTRACT='"$(CONTRACT)"'

$(BUILD)/%.o: %.c
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/erxdp.bpf.o: bpf/erxdp.bpf.c $(wildcard bpf/*.h include/erxdp/*.h)
	$(need_clang)
	$(say) BPF $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPFFLAGS) -c -o $@ $<

$(SKELETON): $(BUILD)/erxdp.bpf.o
	$(need_bpftool)
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name erxdp_bpf > $@

$(patsubst %.c,$(BUILD)/%.o,$(wildcard user/dp/*.c)): $(SKELETON)

# Tests: one binary per layer, every file of the folder in it.
UNIT_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/unit/*.c))
PROG_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/prog/*.c))
$(BUILD)/unit-tests: $(UNIT_OBJ) $(LIBRARY)
$(BUILD)/prog-tests: $(PROG_OBJ) $(LIBRARY)
$(BUILD)/unit-tests $(BUILD)/prog-tests:
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcriterion $(LDLIBS)

# Programs that are made wrong on purpose, and what puts them into erxdpctl: tests/e2e/refused.bats builds and uses them.
$(BUILD)/tests/%.bpf.o: tests/%.bpf.c $(wildcard bpf/*.[ch] include/erxdp/*.h tests/bench/*.h)
	$(need_clang)
	$(say) BPF $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPFFLAGS) -c -o $@ $<

$(BUILD)/tests/%.so: tests/%.c
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -shared -fPIC -o $@ $< -ldl

# The same programs, to which all labs of the others are another build's: tests/e2e/contract.bats.
$(BUILD)/tests/contract/contract.o: user/dp/contract.c
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -DERXDP_CONTRACT='"0123456789abcdef"' -c -o $@ $<
$(PROGRAMS:$(BUILD)/%=$(BUILD)/tests/contract/%): $(BUILD)/tests/contract/%: $(BUILD)/user/%.o $(BUILD)/tests/contract/contract.o $(LIBRARY)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

unit: $(BUILD)/unit-tests
	$(Q)$<

# What tests/bird/ compares with BIRD.
$(BUILD)/bird-dump: $(BUILD)/tests/bird/dump.o $(LIBRARY)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

check-bird: $(BUILD)/bird-dump
	$(Q)tests/bird/judge.py --shipped --graphs 200 --decisions 10 --first 1000
	$(Q)tests/bird/mutations.py

# libFuzzer targets: tests/fuzz/NAME.c becomes build/fuzz-NAME.
PURE_SRC := $(filter-out user/lib/version.c,$(sort $(foreach l,lib topo ctl fwd,$(wildcard user/$(l)/*.c))))
FUZZ_OBJ := $(PURE_SRC:%.c=$(BUILD)/fuzz/%.o)
FUZZERS  := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz-%,$(wildcard tests/fuzz/*.c))
FUZZ_FLAGS := -g -O1 -std=gnu11 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
$(BUILD)/fuzz/%.o: %.c
	$(say) FUZZ $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_FLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<
$(FUZZERS): $(BUILD)/fuzz-%: $(BUILD)/fuzz/tests/fuzz/%.o $(FUZZ_OBJ)
	$(say) LINK $@
	$(Q)$(CLANG) $(FUZZ_FLAGS) -o $@ $^ $(LDLIBS)

# Every call to the system fails once, for every operation on a lab: takes about an hour, as root.
$(BUILD)/inject.so: tests/inject/shim.c tests/inject/control.h
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -g -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden -o $@ $< -ldl

check-inject: $(BUILD)/erxdpctl $(BUILD)/erxdpd $(BUILD)/inject.so
	$(Q)tests/inject/run.py --all

check-kernels: all $(BUILD)/prog-tests
	$(Q)tools/check-kernels

# Benchmarks: figures, not tests.
$(BUILD)/bench-control: $(BUILD)/tests/bench/control.o $(LIBRARY)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

bench-control: $(BUILD)/bench-control $(BUILD)/bird-dump
	$(Q)$< --json $(BUILD)/bench-control.json
	$(Q)tests/bench/control_bird.py --json $(BUILD)/bench-control-bird.json

$(BUILD)/bench-flow: tests/bench/flow.c
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -o $@ $<

bench-failover: all $(BUILD)/bench-flow
	$(Q)tests/bench/failover.py --json $(BUILD)/bench-failover.json

# A skeleton is named after its file.
$(BUILD)/tests/%.skel.h: $(BUILD)/tests/%.bpf.o
	$(need_bpftool)
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< > $@

$(BUILD)/bench-forward: tests/bench/forward.c tests/bench/forward.h $(BUILD)/tests/bench/forward.skel.h include/erxdp/abi.h
	$(say) CC $<
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -o $@ $< $(LDFLAGS) $(LDLIBS)

BENCH_ARGS := $(if $(QUICK),--quick) $(if $(RUNS),--runs $(RUNS))
bench: all $(BUILD)/bench-forward
	$(Q)tests/bench/forward.py $(BENCH_ARGS) --json $(BUILD)/bench.json

bench-stages: all $(BUILD)/bench-forward
	$(Q)BENCH_CLANG='$(CLANG) $(BPFFLAGS)' tests/bench/stages.py $(if $(RUNS),--runs $(RUNS)) --json $(BUILD)/bench-stages.json

bench-fastpath: all $(BUILD)/bench-forward
	$(Q)BENCH_CLANG='$(CLANG) $(BPFFLAGS)' tests/bench/fastpath_table.py $(if $(RUNS),--runs $(RUNS)) --json $(BUILD)/bench-fastpath.json

check:
	$(Q)tools/check

test:
	$(Q)tools/check style unit golden

fuzz:
	$(Q)FUZZ_SECONDS=$(or $(FUZZ_SECONDS),300) tools/check fuzz

format:
	$(Q)clang-format-14 -i $$(git ls-files '*.c' '*.h')

install: $(PROGRAMS)
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(PROGRAMS)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 man/erxdpctl.8
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's,@PREFIX@,$(PREFIX),g' etc/erxdpd@.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/erxdpd@.service
	install -D -m 644 etc/erxdp.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/erxdp.conf
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/erxdp/topologies $(wildcard topologies/*)
	$(if $(DESTDIR),,getent group erxdp >/dev/null || groupadd --system erxdp || echo "no group erxdp was made: only root can look at labs")

uninstall:
	rm -f $(PROGRAMS:$(BUILD)/%=$(DESTDIR)$(PREFIX)/bin/%) $(DESTDIR)$(PREFIX)/share/man/man8/erxdpctl.8
	rm -f $(DESTDIR)$(PREFIX)/lib/systemd/system/erxdpd@.service $(DESTDIR)$(PREFIX)/lib/sysusers.d/erxdp.conf
	rm -rf $(DESTDIR)$(PREFIX)/share/erxdp

# The seed of the ECMP hash: prints it.
$(BUILD)/find-seed: tools/find-seed.c include/erxdp/hash.h
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -Wextra -Werror -Iinclude -o $@ $<

clean:
	$(Q)rm -rf build build-san

-include $(FUZZ_OBJ:.o=.d) $(FUZZERS:$(BUILD)/fuzz-%=$(BUILD)/fuzz/tests/fuzz/%.d) $(LIB_OBJ:.o=.d) $(UNIT_OBJ:.o=.d) $(PROG_OBJ:.o=.d) $(PROGRAMS:$(BUILD)/%=$(BUILD)/user/%.d) $(BUILD)/tests/bird/dump.d $(BUILD)/tests/bench/control.d

.PHONY: FORCE all help unit check check-bird check-inject check-kernels bench bench-stages bench-fastpath bench-control bench-failover test fuzz format install uninstall clean
.DELETE_ON_ERROR:
.SECONDARY:
