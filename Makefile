# Two commands on a fresh machine do everything: `make demo` and `make test`.

SWIFT ?= swift
CONFIGURATION := -c release
# Tests reach internals by `package` access, so they run against the very build the demo uses.
TESTING := --disable-testable-imports

.PHONY: demo test build embedded bench check-all format dependencies clean

## Audit, purify and audit again two infected specimens on real images.
demo: build
	.build/release/cupel demo --models models --output out/demo

## Everything a change must pass: tests, and the integer core for Cortex-M.
test: dependencies
	$(SWIFT) test $(CONFIGURATION) $(TESTING)
	tools/embedded-check.sh

build: dependencies
	$(SWIFT) build $(CONFIGURATION)

## Only the integer core, with Embedded Swift for armv7em-none-none-eabi.
embedded:
	tools/embedded-check.sh

## Integer engine against the float executor, interleaved.
bench: dependencies
	$(SWIFT) run --package-path Benchmarks $(CONFIGURATION) cupel-bench models

## Heavier checks: ten times the mutated files, and the demo's bars on the whole test set.
check-all: dependencies
	CUPEL_CHECK_ALL=1 $(MAKE) test

format:
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests Benchmarks \
	  --ignore-unparsable-files

## What Debian provides; installed through apt where it is missing.
dependencies:
	@tools/install-dependencies.sh

clean:
	rm -rf .build Benchmarks/.build out
