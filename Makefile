# Two commands on a fresh machine do everything: `make demo` and `make test`.

SWIFT ?= swift
CONFIGURATION := -c release
# Tests reach internals by `package` access, so they run against the very build the demo uses.
TESTING := --disable-testable-imports

.PHONY: demo check test build docs embedded firmware bench bench-float runtimes vendor agreement \
  bench-purify bench-firmware results detection reports slurm sanitize thread-sanitizer fuzz check-all format \
  dependencies clean

## Audit, purify and audit again two infected specimens on real images.
demo: build
	.build/release/cupel demo --models models --output out/demo

## Unit tests alone: no process, no simulated board, nothing that takes seconds.
check: dependencies
	SWIFT="$(SWIFT)" CUPEL_TIER=check tools/test.sh

## Everything a change must pass: all tests, on a simulated Cortex-M4 too, the documentation,
## snippets and examples, and the integer core for Cortex-M. The list of what was skipped comes last.
test: dependencies docs
	tools/operator-files.sh
	firmware-sim/build.sh an386 an386-device
	tools/embedded-check.sh
	SWIFT="$(SWIFT)" tools/run-examples.sh
	SWIFT="$(SWIFT)" tools/test.sh

## The library's documentation, into out/docs.
docs: build
	tools/documentation.sh

build: dependencies
	$(SWIFT) build $(CONFIGURATION)

## Only the integer core, with Embedded Swift for armv7em-none-none-eabi.
embedded:
	tools/embedded-check.sh

## The firmware of all simulated boards, and the plugin that counts their instructions.
firmware:
	firmware-sim/build.sh

## Integer engine against LiteRT and ONNX Runtime, interleaved, into out/bench.json; where
## tools/peers/setup.sh has not been run, its own figures alone.
PEERS := tools/peers/.venv/bin/python
bench: dependencies
	$(SWIFT) build --package-path Benchmarks $(CONFIGURATION) --product cupel-bench
	@if [ -x $(PEERS) ]; then \
	  $(PEERS) tools/peers/compare.py Benchmarks/.build/release/cupel-bench out/bench.json; \
	else \
	  echo "no peers: tools/peers/setup.sh installs them; Cupel's own figures follow"; \
	fi
	Benchmarks/.build/release/cupel-bench

## Integer engine against the float executor, interleaved.
bench-float: dependencies
	$(SWIFT) run --package-path Benchmarks $(CONFIGURATION) float-peer models

## Cupel's integers against LiteRT, TensorFlow Lite Micro and XNNPACK on the same inputs, into
## out/runtimes.json; needs tools/peers/setup.sh and ../shared/data/mlperf-tiny.
runtimes: build
	$(PEERS) tools/peers/runtimes.py .build/release/cupel --json out/runtimes.json

## Other people's models in CUPEL_DATA (default ../shared/data): which import, compile and run, and
## whether they compute what three runtimes compute; into out/vendor.json.
vendor: build
	$(PEERS) tools/peers/vendor.py .build/release/cupel --json out/vendor.json

## Random programs of every operator, as read and as exported, in LiteRT, TensorFlow Lite Micro and
## ONNX Runtime, into out/agreement.json; needs tools/peers/setup.sh. PROGRAMS=… and SEED=… choose,
## FILES=… names models instead. docs/agreement.md lists what differs.
PROGRAMS ?= 1000
SEED ?= 1
agreement: build
	$(PEERS) tools/peers/agreement.py .build/release/cupel --programs $(PROGRAMS) --seed $(SEED) \
	  --json out/agreement.json $(FILES)

## Purification of ResNets, and the published solver's time beside it, into out/bench-purify.json.
bench-purify: dependencies
	$(SWIFT) run --package-path Benchmarks $(CONFIGURATION) purify-bench out/bench-purify.json

## Every specimen that is here under nearest rounding and the defences, into out/results.json and docs/results.md.
## Goes on where an interrupted run stopped.
results: build
	python3 tools/results/measure.py

## The audit without a trigger on the detection set (tools/specimens/detection.py makes it), into
## out/detection.json and docs/results.md.
detection: build
	python3 tools/results/detection.py

## Every specimen in models/ on every simulated board: agreement, instructions, flash, RAM; into
## out/firmware.json.
bench-firmware: build firmware
	tools/bench-firmware.sh out/firmware.json

## Heavier checks: ten times the mutated files, the demo's bars on the whole test set, sanitizers,
## all simulated boards, reports by the standards' schemas and in a browser, a sweep on Slurm.
check-all: dependencies sanitize thread-sanitizer firmware
	CUPEL_CHECK_ALL=1 $(MAKE) test
	$(MAKE) reports
	$(MAKE) slurm

## An audit's reports against the schemas of SARIF, CycloneDX and their own, and drawn in a headless
## Chromium, into out/reports.
reports: dependencies
	SWIFT="$(SWIFT)" tools/reports/check.sh

## A sweep on a real Slurm, whose node and controller are killed in the middle of it, into out/slurm.
slurm: build
	tools/slurm/check.sh

## The kernels of all instruction sets against the reference, under AddressSanitizer and
## UndefinedBehaviorSanitizer.
sanitize:
	tools/sanitize.sh

## The engine, the pool of threads and the search under ThreadSanitizer.
thread-sanitizer:
	tools/thread-sanitizer.sh

## 100,000 mutated files of each format that is read, on the ordinary build, which holds memory to
## its bounds, and under AddressSanitizer.
FUZZING := 'MutationTests|FuzzTests|HostileFileTests|HostileTests'
MUTANTS ?= 100000
fuzz: dependencies
	CUPEL_MUTANTS=$(MUTANTS) $(SWIFT) test $(CONFIGURATION) $(TESTING) --filter $(FUZZING)
	CUPEL_MUTANTS=$(MUTANTS) CUPEL_SANITIZED=1 tools/sanitize.sh $(FUZZING)

format:
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests Benchmarks Examples \
	  Snippets --ignore-unparsable-files

## What Debian provides; installed through apt where it is missing.
dependencies:
	@tools/install-dependencies.sh

clean:
	rm -rf .build Benchmarks/.build Examples/*/.build out
