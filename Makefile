# One command each; all are idempotent and end with a line that says how it went.
.PHONY: build test demo fuzz gate conformance sanitize end-to-end bench inputs paths benchmark lint format

build:
	@scripts/prepare.sh native
	@scripts/build.sh release

test:
	@python3 scripts/run_tests.py

demo:
	@scripts/demo.sh

# FUZZ_SECONDS=600 for each target
fuzz:
	@scripts/install_dependencies.sh
	@scripts/build.sh fuzz
	@scripts/fuzz.sh run

benchmark:
	@scripts/prepare.sh tests
	@scripts/build.sh release
	@build/venv/bin/python benchmarks/measure.py

# HOURS=8 for more rows; build/bench.jsonl keeps them, so that a later run goes on
bench:
	@scripts/prepare.sh tests
	@python3 tests/zoo/make_models.py --build build --set gate
	@scripts/build.sh release
	@build/venv/bin/python tests/bench/bench.py --hours $(or $(HOURS),1)

inputs:
	@scripts/prepare.sh tests
	@python3 tests/zoo/make_models.py --build build --set gate
	@scripts/build.sh release
	@build/venv/bin/python tests/bench/inputs.py

# HOURS=8 for more time; build/paths.jsonl keeps the rows, so that a later run goes on
paths:
	@scripts/prepare.sh tests
	@python3 tests/zoo/make_models.py --build build --set paths
	@scripts/build.sh release
	@build/venv/bin/python tests/paths/run_paths.py --hours $(or $(HOURS),2)

gate:
	@scripts/prepare.sh tests
	@python3 tests/zoo/make_models.py --build build --set gate
	@scripts/build.sh release
	@build/venv/bin/python tests/gate/run_gate.py
	@build/venv/bin/python -m pip install -q --disable-pip-version-check -r tests/end_to_end/requirements.txt
	@build/venv/bin/python -m pytest -q -p no:cacheprovider tests/gate

conformance:
	@scripts/prepare.sh tests
	@python3 tests/zoo/make_models.py --build build --set gate
	@scripts/build.sh release fetafix_conformance_zoo
	@build/venv/bin/python tests/conformance/run_zoo.py

# Every end-to-end test; `make test` leaves out those that are marked heavy
end-to-end:
	@scripts/prepare.sh tests
	@scripts/build.sh release
	@build/venv/bin/python -m pip install -q --disable-pip-version-check -r tests/end_to_end/requirements.txt
	@build/venv/bin/python -m pytest -q -p no:cacheprovider -n 2 --dist loadfile tests/end_to_end

# Every unit test with sanitizers; `make test` runs those of the rooms that read files that way
sanitize:
	@scripts/prepare.sh tests
	@scripts/build.sh sanitize
	@ASAN_OPTIONS=detect_leaks=1 ctest --test-dir build/sanitize --output-on-failure --timeout 1200 -j2

lint:
	@scripts/lint.sh

format:
	@find src tools workers include fuzz tests \( -name '*.cpp' -o -name '*.h' \) -print0 2>/dev/null | xargs -0 clang-format -i
	@echo "format: done"
