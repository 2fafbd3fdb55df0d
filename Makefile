# Fluxgate. `make run` and `make test` do all the set-up they need; `make help` lists the rest.

# --- options, all in one place ---------------------------------------------------------------------------------------

SWIFT ?= swift
PYTHON ?= python3

# What users run: optimized. On Linux Swift's own libraries are linked in, so the program runs without a toolchain, and no
# symbol is exported that nobody imports.
RELEASE_FLAGS = --configuration release
ifeq ($(shell uname),Linux)
RELEASE_FLAGS += --static-swift-stdlib -Xlinker --no-export-dynamic
BENCH_TESTS = bench-tests paths
endif

# What `make lint` and `make test` compile, with the same flags so that it is compiled once: everything, for debugging,
# with Thread Sanitizer, and no warning let through. In its own folder, so that a plain `swift build` stays warm.
TEST_SCRATCH = .build-tests
TEST_FLAGS = --sanitize=thread -Xswiftc -warnings-as-errors --explicit-target-dependency-import-check error

PROGRAM = .build/release/fluxgate
VENV = Tests/EndToEnd/.venv
SWIFT_SOURCES = Package.swift Sources Benchmarks $(filter-out Tests/Fuzzing,$(wildcard Tests/*)) Tests/Fuzzing/Package.swift Tests/Fuzzing/Sources/MQTTFuzz
PYTHON_SOURCES = $(wildcard Tests/EndToEnd Tests/Compose Benchmarks)
SHELL_SOURCES = .ci/run ssl/certificates docker/keys docker/nginx/start docker/debian/start-postgres
SHELL_SOURCES += $(filter-out %.c %.txt %.py %-suppressions,$(wildcard scripts/*)) $(wildcard examples/*.sh)

# What `make fuzz` compiles, for libFuzzer; where it keeps what it finds; and how many seconds it looks.
FUZZ_SCRATCH = .build-fuzz
TIME ?= 60

# Passed on to the program, to pytest and to the benchmark: make run ARGS=--help, make end-to-end ARGS="-k quickstart"
ARGS ?=

# --- for users -------------------------------------------------------------------------------------------------------

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## install what is missing, build, and start the platform (MF_HOST=0.0.0.0 make run: reachable from outside)
	@exec $(PROGRAM) serve $(ARGS)

.PHONY: build
build: toolchain packages-run ## build the release program, .build/release/fluxgate
	$(SWIFT) build $(RELEASE_FLAGS) --product fluxgate

.PHONY: programs
programs: toolchain packages-run packages-programs ## build the separate programs too: users, things, http-adapter, ws-adapter, mqtt-adapter
	$(SWIFT) build $(RELEASE_FLAGS)

# --- for developers --------------------------------------------------------------------------------------------------

.PHONY: test
test: packages-test models unit $(BENCH_TESTS) end-to-end ## install what is missing, run every test: models, unit rings, then end to end on the release program

.PHONY: models
models: packages-test ## search every state of the models in docs/models for a claim that fails
	scripts/check-models

.PHONY: unit
unit: build-tests ## run the unit rings alone, under Thread Sanitizer
	scripts/with-postgres scripts/run-unit-tests $(TEST_SCRATCH) $(TEST_FLAGS)

.PHONY: end-to-end
end-to-end: programs packages-test $(VENV)/.installed ## run the end-to-end ring alone, on the release program
	$(VENV)/bin/python -m pytest Tests/EndToEnd $(ARGS)

.PHONY: test-compose
test-compose: programs packages-test $(VENV)/.installed ## bring up docker/docker-compose.yml in both modes, and test it as it is deployed
	FLUXGATE_BINARY=$(abspath $(PROGRAM)) scripts/with-container-engine $(VENV)/bin/python -m pytest Tests/Compose $(ARGS)

# The load program uses what only Linux has.
.PHONY: bench-tests
bench-tests: packages-test
	$(PYTHON) -m unittest discover --start-directory Benchmarks/tests

.PHONY: paths
paths: programs packages-test ## count the instructions and allocations of each path of a message, and fail where there are too many
	$(PYTHON) Benchmarks/paths.py --check

.PHONY: fuzz
fuzz: toolchain packages-run ## give MQTT codec and session what libFuzzer thinks of, for TIME seconds (60)
	$(SWIFT) build --configuration release --package-path Tests/Fuzzing --scratch-path $(FUZZ_SCRATCH)
	@mkdir -p $(FUZZ_SCRATCH)/found
	@SWIFT_BACKTRACE=enable=no $(FUZZ_SCRATCH)/release/MQTTFuzz -max_total_time=$(TIME) -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
		-verbosity=0 -print_final_stats=1 -artifact_prefix=$(FUZZ_SCRATCH)/ $(FUZZ_SCRATCH)/found Tests/Fuzzing/Corpus \
		>$(FUZZ_SCRATCH)/log 2>&1 || { tail -n 60 $(FUZZ_SCRATCH)/log; exit 1; }
	@grep '^stat::' $(FUZZ_SCRATCH)/log

.PHONY: conformance
conformance: build packages-test ## run Eclipse's MQTT tests, paho.mqtt.testing/interoperability in the folder SUITE
	scripts/conformance $(SUITE)

.PHONY: lint
lint: toolchain packages-test $(VENV)/.installed ## check format, warnings, imports, Python, shell, OpenAPI and what is committed
	$(SWIFT) format lint --strict --parallel --recursive $(SWIFT_SOURCES)
	$(VENV)/bin/python -m compileall -q -x '/\.venv/' $(PYTHON_SOURCES)
	find $(PYTHON_SOURCES) -name .venv -prune -o -name '*.py' -print | xargs $(VENV)/bin/python -m pyflakes
	$(VENV)/bin/shellcheck $(SHELL_SOURCES)
	$(VENV)/bin/openapi-spec-validator $(wildcard docs/openapi/*.yaml)
	scripts/check-tree
	@$(MAKE) --no-print-directory build-tests

.PHONY: format
format: toolchain ## format the Swift sources in place
	$(SWIFT) format --in-place --parallel --recursive $(SWIFT_SOURCES)

.PHONY: bench
bench: programs packages-test packages-bench $(VENV)/.installed ## compare with mosquitto, nginx and nats-server, in one run on this machine
	$(VENV)/bin/python Benchmarks/bench.py --docs docs $(ARGS)

.PHONY: clean
clean: ## remove what was built; the data folder stays
	rm -rf .build $(TEST_SCRATCH) $(FUZZ_SCRATCH) $(VENV) Benchmarks/bin

# --- steps -----------------------------------------------------------------------------------------------------------

.PHONY: build-tests
build-tests: toolchain packages-run packages-programs packages-test
	$(SWIFT) build --build-tests --scratch-path $(TEST_SCRATCH) $(TEST_FLAGS)

.PHONY: toolchain
toolchain:
	@SWIFT=$(SWIFT) scripts/require-swift

.PHONY: packages-run packages-programs packages-test packages-bench
packages-run packages-programs packages-test packages-bench: packages-%:
	@scripts/install-packages $*

$(VENV)/.installed: Tests/EndToEnd/requirements.txt scripts/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(addprefix -r ,$^)
	@touch $@

# One step after the other, whatever -j says: builds use all cores by themselves.
.NOTPARALLEL:
