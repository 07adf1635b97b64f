# One command each; all are idempotent and end with a line that says how it went.
.PHONY: build test demo lint format

build:
	@scripts/prepare.sh native
	@scripts/build.sh release

test:
	@python3 scripts/run_tests.py

demo:
	@scripts/demo.sh

lint:
	@scripts/lint.sh

format:
	@find src tools workers include fuzz \( -name '*.cpp' -o -name '*.h' \) -print0 2>/dev/null | xargs -0 clang-format -i
	@echo "format: done"
