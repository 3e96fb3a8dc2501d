# Each target sets up what it needs by itself; PYTHON=… names the Python to do it with.

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format lock

BIN := .venv/bin

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv as requirements.lock says (the others do so too)
	@PYTHON="$(PYTHON)" sh tools/with_python.sh tools/bootstrap.py

demo: setup ## show all of it running, with live orders; ARGS="--seconds 40 --json" for no terminal
	@$(BIN)/dropcopy demo $(ARGS)

# Two files at a time; what runs containers has the machine to itself.
test: setup ## run every test, the quick ones first; ARGS="-k name" for some
ifeq ($(ARGS),)
	@$(BIN)/pytest -n 2 --dist loadfile -m "not containers"
	@$(BIN)/pytest -m containers
else
	@$(BIN)/pytest $(ARGS)
endif

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
