# Contenance: every command a person needs. `make demo` and `make test` need only the package registries.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: help demo serve test test-all lint bench docs web lock clean

help:  ## This list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/run-ready  ## One call, monitored live end to end (ARGS=--once ends after the call)
	@$(BIN)/contenance demo $(ARGS)

serve: .venv/run-ready  ## The server alone (ARGS="--port 8765 …")
	@$(BIN)/contenance serve $(ARGS)

test: .venv/dev-ready lint  ## Lint and all tests but the slow ones (under 20 minutes on 2 cores)
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

test-all: .venv/dev-ready lint  ## Every test, also large downloads
	$(BIN)/python -m pytest $(ARGS)

lint: .venv/dev-ready  ## Style, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

bench: .venv/dev-ready  ## Measurements; ratios side by side in one run
	$(BIN)/python -m benchmarks $(ARGS)

docs: .venv/dev-ready  ## Rebuild the screenshot and the command reference in docs/
	$(BIN)/python -m benchmarks.screenshots docs/images

web:  ## Rebuild the pages (needs node)
	cd api/web && npm ci && npm run build

lock:  ## Re-resolve the lock files (needs uv)
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-header --generate-hashes pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-header --generate-hashes pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock

clean:  ## Remove the environment and what is built
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache

.venv/created:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Contenance needs Python 3.11, 3.12 or 3.13; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 …"; exit 1; }
	@echo "→ making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv || { echo "no venv module: apt-get install python3-venv"; exit 1; }
	@touch $@

.venv/run-ready: .venv/created requirements.lock pyproject.toml
	@echo "→ installing the locked packages (once; 1-3 minutes)"
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock | sed -unE 's/^((Collecting|Installing|Successfully).{0,90}).*/\1/p'
	@$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps -e .
	@touch $@

.venv/dev-ready: .venv/run-ready requirements-dev.lock
	@echo "→ installing the locked development packages"
	@$(BIN)/python -m pip install --disable-pip-version-check -q --require-hashes -r requirements-dev.lock
	@touch $@
