# Makefile - builds, tests and installs libmeter.
#
# Yours to set: CC CXX CFLAGS LDFLAGS PREFIX DESTDIR libdir includedir bindir. The project's own flags come first, in variables of
# their own. Further switches: WERROR=1 warnings are errors, SAN=address,undefined or SAN=thread sanitizers, POINTS=1 with the test
# points of the crash tests, V=1 print commands.
# Objects of another compiler or sanitizer live in a build folder of their own, so they never mix.

CC ?= cc
CXX ?= c++
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
bindir ?= $(PREFIX)/bin
libdir ?= $(PREFIX)/lib
includedir ?= $(PREFIX)/include

comma := ,
version_part = $(shell sed -n 's/^\#define METER_$(1) *//p' include/meter.h)
VERSION := $(call version_part,VERSION_MAJOR).$(call version_part,VERSION_MINOR).$(call version_part,VERSION_PATCH)
SOVERSION := $(call version_part,SOVERSION)

BUILD ?= build$(if $(filter-out cc gcc,$(CC)),/$(notdir $(firstword $(CC))))$(if $(SAN),/$(subst $(comma),-,$(SAN)))$(if $(POINTS),/points)

warnings := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Werror=implicit -Werror=incompatible-pointer-types -Werror=int-conversion -Werror=format-security \
	$(if $(WERROR),-Werror)
# Sanitizers bring checks of their own: signed overflow must stay visible to them, and fortified calls hide from them.
ifdef SAN
hardening := -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all
hardening_ld := -fsanitize=$(SAN)
else
hardening := -fstack-protector-strong -fstack-clash-protection -fno-delete-null-pointer-checks -fno-strict-overflow \
	$(if $(filter x86_64,$(shell uname -m)),-fcf-protection=full) \
	$(if $(filter -O0,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
hardening_ld := -Wl,-z,relro,-z,now,-z,noexecstack,-z,defs,--as-needed
endif
# One set of objects serves both libraries: with hidden visibility PIC costs nothing worth a second build, and the static
# library can then be linked into a shared one.
project_cflags := -std=c11 -D_GNU_SOURCE -fvisibility=hidden -fPIC -pthread $(if $(POINTS),-DMETER_TEST_POINTS) $(warnings) $(hardening)
project_ldflags := $(hardening_ld) -pthread
libs := -lsqlite3 -lxxhash -lyaml -lmd

compile = $(CC) $(project_cflags) -MMD -MP $(1) $(CFLAGS) -c -o $@ $<
link = $(CC) $(project_ldflags) $(2) $(CFLAGS) $(LDFLAGS) -o $@ $(1) $(libs)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $@;)

lib_objects := $(patsubst %.c,$(BUILD)/%.o,$(wildcard libmeter/*.c))
cli_objects := $(patsubst %.c,$(BUILD)/%.o,$(wildcard cli/*.c))
example_programs := $(patsubst %.c,$(BUILD)/%,$(wildcard examples/*.c examples/*/*.c))
test_sources := $(filter-out tests/test_header.c,$(wildcard tests/test_*.c))
test_programs := $(patsubst %.c,$(BUILD)/%,$(test_sources))
test_support := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/test_%.c,$(wildcard tests/*.c)))
bench_programs := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/*.c))
campaign_programs := $(patsubst %,$(BUILD)/tests/%,crash/kill crash/locks faults/nth faults/powercut faults/bitflip)
fuzz_sources := $(wildcard tests/fuzz/fuzz_*.c)
replay_programs := $(patsubst %.c,$(BUILD)/%,$(fuzz_sources))
# Whatever opens a handle has a writer thread.
thread_programs := $(patsubst %.c,$(BUILD)/%,$(shell grep -lE 'pthread_create|meter_open' $(test_sources) /dev/null))

.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

## all: both libraries and the command (the default)
.PHONY: all
all: lib cli

## lib: build/libmeter.a and build/libmeter.so
.PHONY: lib
lib: $(BUILD)/libmeter.a $(BUILD)/libmeter.so

## cli: build/meter
.PHONY: cli
cli: $(BUILD)/meter

## examples: the programs of examples/
.PHONY: examples
examples: $(example_programs)

# Builds what the checks run, for .ci/run.
.PHONY: units fuzzers benches campaigns
campaigns: $(campaign_programs)
units: $(test_programs)
fuzzers: $(replay_programs)
benches: $(bench_programs)

# -------------------------------------------------------------------- files --------------------------------------------------------------------

# Rewritten only when the flags change; every object depends on it.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(project_cflags) $(CFLAGS) $(project_ldflags) $(LDFLAGS)' | cmp -s - $@ || \
		{ .ci/deps.sh check && echo '$(CC) $(project_cflags) $(CFLAGS) $(project_ldflags) $(LDFLAGS)' >$@; }

.PHONY: FORCE
FORCE:

$(BUILD)/libmeter/%.o: libmeter/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)$(call compile,-Iinclude -Ilibmeter)

$(BUILD)/cli/%.o: cli/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)$(call compile,-Iinclude)

$(BUILD)/examples/%.o: examples/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)$(call compile,-Iinclude)

$(BUILD)/tests/%.o: tests/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)$(call compile,-Iinclude -Ilibmeter -Itests)

$(BUILD)/libmeter.a: $(lib_objects)
	$(call say,AR)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/libmeter.so.$(VERSION): $(lib_objects) libmeter/libmeter.map
	$(call say,LINK)$(call link,$(lib_objects),-shared -Wl$(comma)-soname$(comma)libmeter.so.$(SOVERSION) \
		-Wl$(comma)--version-script=libmeter/libmeter.map)

$(BUILD)/libmeter.so: $(BUILD)/libmeter.so.$(VERSION)
	@ln -sf libmeter.so.$(VERSION) $(BUILD)/libmeter.so.$(SOVERSION)
	@ln -sf libmeter.so.$(SOVERSION) $@

$(BUILD)/meter: $(cli_objects) $(BUILD)/libmeter.a
	$(call say,LINK)$(call link,$^,-pie)

$(BUILD)/examples/%: $(BUILD)/examples/%.o $(BUILD)/libmeter.a
	$(call say,LINK)$(call link,$^,-pie)

$(BUILD)/tests/test_%: $(BUILD)/tests/test_%.o $(test_support) $(BUILD)/libmeter.a
	$(call say,LINK)$(call link,$^ -lcmocka,-pie)

$(BUILD)/tests/oracle/%: $(BUILD)/tests/oracle/%.o $(BUILD)/libmeter.a
	$(call say,LINK)$(call link,$^,-pie)

$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/libmeter.a
	$(call say,LINK)$(call link,$^ $(if $(findstring json,$*),-ljson-c),-pie)

$(BUILD)/tests/crash/%: $(BUILD)/tests/crash/%.o $(BUILD)/tests/books.o $(BUILD)/libmeter.a
	$(call say,LINK)$(call link,$^,-pie)

# The library's own calls are sent to tests/faults/wrap.c; those of SQLite, a shared library, are not.
wrapped := malloc calloc realloc aligned_alloc open posix_fallocate mmap fdatasync fsync pwrite pread flock
$(BUILD)/tests/faults/nth: $(patsubst %,$(BUILD)/tests/%.o,faults/nth faults/fault_vfs faults/wrap faults/through books) $(BUILD)/libmeter.a
	$(call say,LINK)$(call link,$^ $(patsubst %,-Wl$(comma)--wrap=%,$(wrapped)),-pie)

$(BUILD)/tests/faults/powercut: $(patsubst %,$(BUILD)/tests/faults/%.o,powercut through) $(BUILD)/libmeter.a
	$(call say,LINK)$(call link,$^,-pie)

$(BUILD)/tests/faults/bitflip: $(BUILD)/tests/faults/bitflip.o $(BUILD)/libmeter.a
	$(call say,LINK)$(call link,$^,-pie)

$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/standalone.o $(BUILD)/libmeter.a
	$(call say,LINK)$(call link,$^ $(if $(findstring json,$*),-ljson-c),-pie)

# -------------------------------------------------------------------- tests --------------------------------------------------------------------

## deps: install what is missing to build and test (Debian; asks for root by sudo)
.PHONY: deps
deps:
	@.ci/deps.sh install

# The sub-make starts after the packages are there.
## test: install what is missing, build, run every test
.PHONY: test check
test check: deps
	@$(MAKE) --no-print-directory all examples
	@$(MAKE) --no-print-directory check-units check-cli check-examples check-real check-header check-deps check-abi check-install

## check-units: one cmocka program per module; one of them: build/tests/test_decimal '*half*'
.PHONY: check-units
check-units: $(test_programs)
	@tests/run $(test_programs)

## check-cli: the command against its golden files, the commands of the README, and invoices of earlier versions rated again
.PHONY: check-cli
check-cli: $(BUILD)/meter $(example_programs)
	@METER=$(abspath $(BUILD)/meter) tests/cli/run
	@python3 tests/readme.py $(abspath $(BUILD))
	@METER=$(abspath $(BUILD)/meter) tests/golden.sh

## golden: makes the databases of tests/data again, which check-cli rates: for a new schema that is not released yet
.PHONY: golden
golden: $(BUILD)/meter
	@METER=$(abspath $(BUILD)/meter) tests/data/make.sh 2>$(BUILD)/golden.log || { cat $(BUILD)/golden.log; exit 1; }

## check-examples: the programs of examples/, on a real log where ../shared/data is
.PHONY: check-examples
check-examples: $(BUILD)/meter $(example_programs)
	@BUILD=$(BUILD) tests/examples.sh

## check-real: real usage data with known totals, where ../shared/data is
.PHONY: check-real
check-real: $(BUILD)/meter $(example_programs)
	@BUILD=$(BUILD) tests/real/run >$(BUILD)/real.log 2>&1 || { cat $(BUILD)/real.log; exit 1; }
	@grep -E '^(real/|skipped|[0-9]+ passed)' $(BUILD)/real.log

## check-header: include/meter.h alone, as C11 and as C++98, 11 and 17
.PHONY: check-header
check-header:
	@for std in c99 c11 c17; do \
		$(CC) -std=$$std -Wall -Wextra -pedantic -Wconversion -Werror -Iinclude -fsyntax-only tests/test_header.c || exit 1; done
	@if command -v $(CXX) >/dev/null; then for std in c++98 c++11 c++17; do \
		$(CXX) -std=$$std -Wall -Wextra -pedantic -Werror -Iinclude -fsyntax-only tests/test_header.cc || exit 1; done; \
	else echo 'header as C++: skipped, there is no $(CXX)'; fi

## check-deps: who may include what; no binary floating point
.PHONY: check-deps
check-deps:
	@tests/layers.sh

## check-abi: exported names and sizes against tests/abi/symbols.txt (make abi-update rewrites it)
.PHONY: check-abi
check-abi: $(BUILD)/libmeter.so
	@nm -D --defined-only $< | sed -n 's/.* T \([^@]*\).*/\1/p' | LC_ALL=C sort | diff -u tests/abi/symbols.txt - || \
		{ echo 'check-abi: exported names changed; if that is intended: make abi-update'; exit 1; }

.PHONY: abi-update
abi-update: $(BUILD)/libmeter.so
	nm -D --defined-only $< | sed -n 's/.* T \([^@]*\).*/\1/p' | LC_ALL=C sort >tests/abi/symbols.txt

## check-install: install into a scratch folder, build and run programs against it, uninstall
.PHONY: check-install
check-install: all
	@MAKE='$(MAKE)' CC='$(CC)' tests/install.sh

## check-san: the unit and command tests under ASan and UBSan
.PHONY: check-san
check-san:
	@$(MAKE) --no-print-directory SAN=address,undefined check-units check-cli check-examples

## check-tsan: the tests with threads, and the command, under TSan
.PHONY: check-tsan
check-tsan:
	@$(MAKE) --no-print-directory SAN=thread check-threads check-cli

.PHONY: check-threads
check-threads: $(thread_programs)
	@tests/run $(thread_programs)

## check-fuzz: replay the fuzz corpora (needs libjson-c-dev)
.PHONY: check-fuzz
check-fuzz: $(replay_programs)
	@for program in $(replay_programs); do corpus=tests/fuzz/corpus/$${program##*fuzz_}; \
		$$program $$corpus/* >$(BUILD)/fuzz.log 2>&1 || { cat $(BUILD)/fuzz.log; exit 1; }; \
		echo "$${program##*/}: $$(ls $$corpus | wc -l) inputs replayed"; done

## check-campaigns: crashes, faults, power cuts and locks, shortened: two minutes (tests/crash, tests/faults)
.PHONY: check-campaigns
check-campaigns: $(campaign_programs)
	@$(MAKE) --no-print-directory POINTS=1 build/points/tests/crash/kill
	$(BUILD)/tests/crash/locks
	$(BUILD)/tests/crash/kill random 400
	build/points/tests/crash/kill points 5
	$(BUILD)/tests/faults/nth short
	$(BUILD)/tests/faults/powercut 400
	$(BUILD)/tests/faults/powercut lying 30
	$(BUILD)/tests/faults/bitflip 400

## campaigns-long: the same at full length: 10,000 kills, every test point 200 times, every N-th call, 5,000 power cuts, 20,000 damaged files: 45 minutes
.PHONY: campaigns-long
campaigns-long: $(campaign_programs)
	@$(MAKE) --no-print-directory POINTS=1 build/points/tests/crash/kill
	$(BUILD)/tests/crash/kill random 10000
	build/points/tests/crash/kill points 200
	$(BUILD)/tests/faults/nth all
	$(BUILD)/tests/faults/powercut 5000
	$(BUILD)/tests/faults/bitflip 20000

## oracle-long: 100,000 random plans and usages, 20,000 months with changes in them, 900 lives of invoices, all billed by a second set of rules; periods of every zone: half an hour
.PHONY: oracle-long
oracle-long: $(BUILD)/meter $(BUILD)/tests/oracle/cycle_print
	python3 tests/oracle/rate_oracle.py $(BUILD)/meter 100000 2
	python3 tests/oracle/time_oracle.py $(BUILD)/meter 20000 2
	python3 tests/oracle/life_oracle.py $(BUILD)/meter 900 2
	python3 tests/oracle/cycle_oracle.py $(BUILD)/tests/oracle/cycle_print all

## check-seeded: faults seeded into a copy of the library must be caught by the tests and campaigns: one to two minutes
.PHONY: check-seeded
check-seeded:
	@tests/seeded/run

FUZZ_SECONDS ?= 60
## fuzz: fuzz each target for FUZZ_SECONDS=60 (needs clang and libjson-c-dev); findings stay in build/fuzz
.PHONY: fuzz
fuzz:
	@mkdir -p build/fuzz
	@for source in $(fuzz_sources); do name=$$(basename $$source .c); mkdir -p build/fuzz/$$name && \
		clang -std=c11 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Iinclude -Ilibmeter \
			-o build/fuzz/$$name.bin $$source libmeter/*.c $(libs) -ljson-c -pthread && \
		build/fuzz/$$name.bin -max_total_time=$(FUZZ_SECONDS) -timeout=5 -artifact_prefix=build/fuzz/$$name- -print_final_stats=1 \
			build/fuzz/$$name tests/fuzz/corpus/$${name#fuzz_} || exit 1; done

# ----------------------------------------------------------- demo and benchmarks --------------------------------------------------------------

## demo: a month of an invented LLM API, from raw events to the invoice
.PHONY: demo
demo: deps
	@$(MAKE) --no-print-directory cli examples
	@BUILD=$(BUILD) examples/llm/demo.sh

REPLAY_EVENTS ?= 1000000
INVOICE_EVENTS ?= 1000000
VERIFY_EVENTS ?= 1000000
EXPLAIN_EVENTS ?= 1000000
EXPLAIN_SUBSCRIPTIONS ?= 1000
RATE_SUBSCRIPTIONS ?= 20000
CLOSE_SUBSCRIPTIONS ?= 2000
CLOSE_EVENTS ?= 1000000
INGEST_EVENTS ?= 1000000
## bench: ingest, record and replay against references, invoices, JSON (INGEST_EVENTS=, REPLAY_EVENTS=, INVOICE_EVENTS=, EXPLAIN_EVENTS=, EXPLAIN_SUBSCRIPTIONS=, VERIFY_EVENTS=, RATE_SUBSCRIPTIONS=, CLOSE_SUBSCRIPTIONS=, CLOSE_EVENTS=); needs libjson-c-dev
.PHONY: bench
bench: $(BUILD)/meter $(bench_programs) bench-ingest
	@$(BUILD)/tests/bench/bench_replay $(BUILD) $(REPLAY_EVENTS)
	@$(BUILD)/tests/bench/bench_invoice $(BUILD) $(INVOICE_EVENTS)
	@$(BUILD)/tests/bench/bench_explain $(BUILD) $(EXPLAIN_EVENTS) $(EXPLAIN_SUBSCRIPTIONS)
	@$(BUILD)/tests/bench/bench_verify $(BUILD) $(VERIFY_EVENTS)
	@$(BUILD)/tests/bench/bench_rate $(BUILD) $(RATE_SUBSCRIPTIONS)
	@$(BUILD)/tests/bench/bench_close $(BUILD) $(CLOSE_SUBSCRIPTIONS) $(CLOSE_EVENTS)
	@if [ -x $(BUILD)/tests/bench/bench_json ]; then $(BUILD)/tests/bench/bench_json; fi

## bench-ingest: only recording: latency, workloads W1 to W5, PostgreSQL where it is installed, synchronous batches
.PHONY: bench-ingest
bench-ingest: $(bench_programs)
	@mkdir -p $(BUILD)/scratch
	@$(BUILD)/tests/bench/bench_record $(BUILD)/scratch $(INGEST_EVENTS)
	@$(BUILD)/tests/bench/bench_sync $(BUILD)/scratch 500
	@$(BUILD)/tests/bench/bench_ingest $(BUILD)/scratch $(INGEST_EVENTS)
	@tests/bench/postgres.sh $(BUILD)/tests/bench/bench_ingest $(BUILD)/scratch $(INGEST_EVENTS)

# ------------------------------------------------------------------ installing -----------------------------------------------------------------

## install: header, libraries, pkg-config file and command, below DESTDIR and PREFIX
.PHONY: install
install: all
	install -d '$(DESTDIR)$(includedir)' '$(DESTDIR)$(libdir)/pkgconfig' '$(DESTDIR)$(bindir)'
	install -m 644 include/meter.h '$(DESTDIR)$(includedir)/meter.h'
	install -m 644 $(BUILD)/libmeter.a '$(DESTDIR)$(libdir)/libmeter.a'
	install -m 755 $(BUILD)/libmeter.so.$(VERSION) '$(DESTDIR)$(libdir)/libmeter.so.$(VERSION)'
	ln -sf libmeter.so.$(VERSION) '$(DESTDIR)$(libdir)/libmeter.so.$(SOVERSION)'
	ln -sf libmeter.so.$(SOVERSION) '$(DESTDIR)$(libdir)/libmeter.so'
	sed -e 's|@prefix@|$(PREFIX)|' -e 's|@libdir@|$(libdir)|' -e 's|@includedir@|$(includedir)|' -e 's|@version@|$(VERSION)|' \
		pkgconfig/libmeter.pc.in >'$(DESTDIR)$(libdir)/pkgconfig/libmeter.pc'
	chmod 644 '$(DESTDIR)$(libdir)/pkgconfig/libmeter.pc'
	install -m 755 $(BUILD)/meter '$(DESTDIR)$(bindir)/meter'

## uninstall: remove what install put there
.PHONY: uninstall
uninstall:
	rm -f '$(DESTDIR)$(includedir)/meter.h' '$(DESTDIR)$(libdir)/pkgconfig/libmeter.pc' '$(DESTDIR)$(bindir)/meter' \
		'$(DESTDIR)$(libdir)/libmeter.a' '$(DESTDIR)$(libdir)/libmeter.so' '$(DESTDIR)$(libdir)/libmeter.so.$(SOVERSION)' \
		'$(DESTDIR)$(libdir)/libmeter.so.$(VERSION)'

## clean: remove build/
.PHONY: clean
clean:
	rm -rf build

## help: this list
.PHONY: help
help:
	@sed -n 's/^## \([a-z-]*\): \(.*\)/\1|\2/p' Makefile | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
