# One command each; all are idempotent and end with a line that says how it went.
BUILD ?= build
JOBS  ?= $(shell nproc)

.PHONY: deps build test

deps:
	@scripts/install_dependencies.sh

build: deps
	@cmake -S . -B $(BUILD)/release -G Ninja -DCMAKE_BUILD_TYPE=Release > $(BUILD)/configure.log || (cat $(BUILD)/configure.log; exit 1)
	@cmake --build $(BUILD)/release -j $(JOBS)
