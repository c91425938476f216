# make demo             a leaking Django service, two signals, and what memdump says about it
# make demo-rust        a leaking service in Rust, and the same
# make test             every test
# make lint             formatting, clippy, types, and house rules
# make soak             200 dumps of each program of the zoo at work
# make check-wheel      builds the wheel that is published twice, and compares the two byte for byte
# make bench            what a dump costs the target, beside a bare fork and objgraph
# make bench-peers      its analyses beside those of hprof-slurp, hprof-analyzer, memlab and midden
# make bench-identity   what exact identity costs, and what it misses
# make bench-rust       what each allocation of a Rust program costs, a request of an axum service, and a heap of five million blocks
# make bench-preload    what the preloaded library costs a program, beside heaptrack and dhat
# make bench-analysis   the analyzer at scale, beside what the machine can do
# make bench-look       what the report costs, and how soon the explorer answers
# make bench-sql        what loading and queries cost
#
# Needs cargo, a C compiler and Python 3.11, 3.12 or 3.13; tests also run on 3.9, 3.10, 3.14 and 3.15. Everything else comes from the registries, into target/.

PYTHON  ?= python3
CARGO   ?= cargo
# cargo, and maturin through it, build where CARGO_TARGET_DIR says.
TARGET  := $(abspath $(or $(CARGO_TARGET_DIR),target))
VENVS   := $(TARGET)/venvs
WHEELS  := $(TARGET)/memdump-wheels
COMMAND := $(TARGET)/release/memdump
ROWS    := $(TARGET)/release/rows
PRELOAD := $(TARGET)/release/libmemdump_preload.so
# Not of the workspace: it has the profile and the flags that a program of a user's has.
RUST_SHOP := $(TARGET)/rust-shop/release/rust-shop
TOOLS   := $(VENVS)/tools/bin
ENVIRONMENTS := $(PYTHON) tests/python/environments.py --into $(VENVS)
PIP     := $(PYTHON) -m pip --disable-pip-version-check --no-input

export CARGO_TERM_COLOR ?= auto

.DELETE_ON_ERROR:
.PHONY: demo demo-rust rust-shop soak test test-rust test-python lint lint-rust lint-python bench bench-analysis bench-identity bench-look bench-peers bench-preload bench-rust bench-sql clean command preload rows synth wheel release-wheel check-wheel environments help

help:
	@sed -n 's/^# \(make \)/\1/p' Makefile

demo: command wheel
	@$(ENVIRONMENTS) --wheel $(WHEELS)/plain/*.whl demo
	@$(VENVS)/demo/bin/python tests/demo/demo.py --command $(COMMAND) --output demo-out

demo-rust: command rust-shop
	@$(PYTHON) tests/demo/demo_rust.py --command $(COMMAND) --service $(RUST_SHOP) --output demo-out

test: test-rust test-python

test-rust:
	$(CARGO) test --workspace

# Several at a time: most of a test is waiting for a process.
test-python: command rows synth preload rust-shop environments
	$(TOOLS)/python -m pytest tests/python -n 4 --command $(COMMAND) --rows $(ROWS) --venvs $(VENVS) --rust-shop $(RUST_SHOP) --preload $(PRELOAD) $(PYTEST)

soak: command rows preload environments
	$(TOOLS)/python -m pytest tests/python/test_zoo.py -n 2 -rA --dumps 200 --command $(COMMAND) --rows $(ROWS) --venvs $(VENVS) --rust-shop $(RUST_SHOP) --preload $(PRELOAD) $(PYTEST)

lint: lint-rust lint-python

lint-rust:
	$(CARGO) fmt --all --check
	$(CARGO) fmt --check --manifest-path tests/demo/rust-shop/Cargo.toml
	$(CARGO) fmt --check --manifest-path tests/bench/rust-service/Cargo.toml
	$(CARGO) clippy --workspace --all-targets -- -D warnings

lint-python:
	@$(ENVIRONMENTS) tools
	$(TOOLS)/ruff check tests dumper/cpython
	$(TOOLS)/ruff format --check tests dumper/cpython
	cd dumper/cpython/python && $(TOOLS)/mypy --strict --python-version 3.11 --cache-dir $(TARGET)/mypy memdump
	$(PYTHON) tests/tidy.py

bench: command wheel
	@$(ENVIRONMENTS) --wheel $(WHEELS)/plain/*.whl bench
	$(VENVS)/bench/bin/python tests/bench/bench.py --python $(VENVS)/bench/bin/python --command $(COMMAND) $(BENCH)

bench-rust: command
	RUSTFLAGS=-Cforce-frame-pointers=yes $(CARGO) run --release --package memdump-rust --example pair --target-dir $(TARGET)/bench-rust
	cd tests/bench/rust-service && CARGO_TARGET_DIR=$(TARGET)/rust-service $(CARGO) build --release --locked
	$(PYTHON) tests/bench/service.py --programs $(TARGET)/rust-service/release $(BENCH)
	$(PYTHON) tests/bench/large_heap.py --program $(TARGET)/rust-service/release/large-heap --command $(COMMAND)

# Beside heaptrack and dhat, where they are installed.
bench-preload: preload
	RUSTFLAGS=-Cforce-frame-pointers=yes $(CARGO) build --release --package memdump-preload --example json --target-dir $(TARGET)/bench-preload
	$(PYTHON) tests/bench/preload.py --program $(TARGET)/bench-preload/release/examples/json --preload $(PRELOAD) $(BENCH)

bench-identity: command wheel
	@$(ENVIRONMENTS) --wheel $(WHEELS)/plain/*.whl bench
	$(VENVS)/bench/bin/python tests/bench/identity.py --python $(VENVS)/bench/bin/python --command $(COMMAND) $(BENCH)

# Gets the peers from their registries, into target/bench-peers. BENCH="--objects 10000000" for more.
bench-peers: command wheel synth
	$(PYTHON) tests/bench/peers/peers.py --command $(COMMAND) --synth $(TARGET)/release/synth --wheel $(WHEELS)/plain/*.whl \
	  --into $(TARGET)/bench-peers $(BENCH)

# BENCH='--millions 1 10 50' for more.
bench-analysis: command
	$(CARGO) build --release --package memdump-tests --bin synth --bin limits
	$(PYTHON) tests/bench/analysis.py --command $(COMMAND) --synth $(TARGET)/release/synth --limits $(TARGET)/release/limits $(BENCH)

# BENCH='--millions 1' for less.
bench-look: command synth
	$(PYTHON) tests/bench/look.py --command $(COMMAND) --synth $(TARGET)/release/synth $(BENCH)

# OBJECTS=10000000 for a bigger heap.
OBJECTS ?= 3000000

bench-sql: synth
	$(CARGO) build --release --package memdump --example bench_sql
	$(TARGET)/release/synth --objects $(OBJECTS) --leaked 1000 -o $(TARGET)/bench-a.dump --later $(TARGET)/bench-b.dump
	$(TARGET)/release/examples/bench_sql $(TARGET)/bench-a.dump $(TARGET)/bench-b.dump $(TARGET)/bench.db

clean:
	$(CARGO) clean
	rm -rf demo-out

command:
	$(CARGO) build --release --package memdump

# To be preloaded into programs that nobody prepared.
preload:
	$(CARGO) build --release --package memdump-preload

rust-shop:
	cd tests/demo/rust-shop && CARGO_TARGET_DIR=$(TARGET)/rust-shop $(CARGO) build --release --locked

# Prints a dump as text, by a reader of its own.
rows:
	$(CARGO) build --release --package memdump-tests --bin rows

# Writes dumps of any size.
synth:
	$(CARGO) build --release --package memdump-tests --bin synth

environments: wheel $(WHEELS)/failpoints/.built
	@$(ENVIRONMENTS) tools
	@$(ENVIRONMENTS) --wheel $(WHEELS)/plain/*.whl targets
	@$(ENVIRONMENTS) --wheel $(WHEELS)/failpoints/*.whl failpoints
	@$(ENVIRONMENTS) --wheel $(WHEELS)/plain/*.whl zoo
	@$(ENVIRONMENTS) browser

# What pip builds: the Python package, once for all versions (abi3).
wheel: $(WHEELS)/plain/.built

PACKAGE := Cargo.toml Cargo.lock $(shell find dumper format -type f \( -name '*.rs' -o -name '*.c' -o -name '*.toml' -o -name '*.py' -o -name '*.pyi' -o -name README.md \))

$(WHEELS)/plain/.built: $(PACKAGE)
	rm -rf $(@D)
	$(PIP) wheel --quiet --no-deps --wheel-dir $(@D) ./dumper/cpython
	touch $@

# What is published: depends neither on where it was built nor on whose machine or day. The tag tells the oldest C library that
# it runs with, which is that of the machine it is built on; maturin refuses a tag that is not true.
MANYLINUX ?= manylinux_2_34
CARGO_HOME ?= $(HOME)/.cargo
BUILT_WITH := $(CURDIR)/dumper/cpython/release-constraints.txt

release-wheel:
	rm -rf $(WHEELS)/release
	RUSTFLAGS="--remap-path-prefix=$(CARGO_HOME)=/cargo --remap-path-prefix=$(CURDIR)=/memdump" \
	  PIP_CONSTRAINT=$(BUILT_WITH) PIP_BUILD_CONSTRAINT=$(BUILT_WITH) \
	  MATURIN_PEP517_ARGS="--compatibility $(MANYLINUX)" $(PIP) wheel --quiet --no-deps --wheel-dir $(WHEELS)/release ./dumper/cpython

check-wheel:
	$(PYTHON) tests/python/check_wheel.py --into $(TARGET)/check-wheel

# With faults that tests inject by name.
$(WHEELS)/failpoints/.built: $(PACKAGE)
	rm -rf $(@D)
	MATURIN_PEP517_ARGS="--profile dev --features failpoints" $(PIP) wheel --quiet --no-deps --wheel-dir $(@D) ./dumper/cpython
	touch $@
