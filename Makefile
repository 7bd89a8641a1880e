# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make            build/erxdpctl
# make test       every layer of tests that needs no installation (tools/check does all)
# make SAN=1 …    userspace with ASan and UBSan, in build-san/
# make V=1 …      show the commands

ifeq ($(SAN),1)
BUILD    ?= build-san
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
CPPFLAGS += -Iuser -Iinclude -I$(BUILD) $(shell pkg-config --cflags $(PKGS)) -DERXDP_VERSION='"$(VERSION)"'
LDLIBS   += $(shell pkg-config --libs $(PKGS)) -lpthread -lm
# The programs use nothing newer than Linux 6.1 and clang 14.
BPFFLAGS := -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Werror -Wno-unused-parameter -Iinclude -Ibpf \
	    -I/usr/include/$(shell $(CC) -print-multiarch)

LAYERS   := lib topo ctl fwd dp net lab obs cmd
LIB_SRC  := $(sort $(foreach l,$(LAYERS),$(wildcard user/$(l)/*.c)))
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o)
LIBRARY  := $(BUILD)/liberxdp.a
SKELETON := $(BUILD)/erxdp.skel.h

all: $(BUILD)/erxdpctl

help:
	@sed -n 's/^# \(make\)/  \1/p' Makefile

$(BUILD)/erxdpctl: $(BUILD)/user/erxdpctl.o $(LIBRARY)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIBRARY): $(LIB_OBJ)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: %.c
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/erxdp.bpf.o: bpf/erxdp.bpf.c $(wildcard bpf/*.h include/erxdp/*.h)
	$(say) BPF $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPFFLAGS) -c -o $@ $<

$(SKELETON): $(BUILD)/erxdp.bpf.o
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

unit: $(BUILD)/unit-tests
	$(Q)$<

# libFuzzer targets: tests/fuzz/NAME.c becomes build/fuzz-NAME.
PURE_SRC := $(sort $(foreach l,lib topo ctl fwd,$(wildcard user/$(l)/*.c)))
$(BUILD)/fuzz-%: tests/fuzz/%.c $(PURE_SRC)
	$(say) FUZZ $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) -g -O1 -std=gnu11 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $(CPPFLAGS) -o $@ $^ $(LDLIBS)

# The seed of the ECMP hash: prints it.
$(BUILD)/find-seed: tools/find-seed.c include/erxdp/hash.h
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -Wextra -Werror -Iinclude -o $@ $<

clean:
	$(Q)rm -rf build build-san

-include $(LIB_OBJ:.o=.d) $(UNIT_OBJ:.o=.d) $(PROG_OBJ:.o=.d) $(BUILD)/user/erxdpctl.d

.PHONY: all help unit clean
.DELETE_ON_ERROR:
.SECONDARY:
