# Each target sets up what it needs by itself; PYTHON=… names the Python to do it with.

.DEFAULT_GOAL := help
.PHONY: help setup compiled demo test bench check format lock

BIN := .venv/bin
# Python with what was compiled, where it was, in place of the checkout's own.
COMPILED = PYTHONPATH=.compiled:. $(BIN)/python -P

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv as requirements.lock says (the others do so too)
	@PYTHON="$(PYTHON)" sh tools/with_python.sh tools/bootstrap.py

compiled: setup ## compile what every frame goes through to C, into .compiled/
	@$(BIN)/python tools/compiled.py

demo: setup ## show all of it running, with live orders; ARGS="--seconds 40 --json" for no terminal
	@$(BIN)/dropcopy demo $(ARGS)

# Two files at a time; what runs containers has the machine to itself. What was compiled answers to the same tests.
test: setup ## run every test, the quick ones first; ARGS="-k name" for some
ifeq ($(ARGS),)
	@$(BIN)/pytest -n 2 --dist loadfile -m "not containers"
	@$(BIN)/python tools/compiled.py --if-possible
	@test ! -e .compiled/stamp || $(COMPILED) -m pytest -n 2 --dist loadfile tests/processors tests/conformance
	@$(BIN)/pytest -m containers
else
	@$(BIN)/pytest $(ARGS)
endif

bench: setup ## measure on a broker of its own, compiled if there is a C compiler; ARGS="--json"
	@$(BIN)/python tools/compiled.py --if-possible
	@$(COMPILED) -m benchmarks $(ARGS)

check: setup ## format, lint, types and import contracts, as CI does
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## format the code, and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: setup ## bring requirements.lock up to date with pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --upgrade --group dev pyproject.toml -o requirements.lock
