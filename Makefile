# Leerrekening: `make run` to see it, `make test` to check it. `make help` lists the rest.
# Nothing is needed beforehand but make and Python 3.11 or newer.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 5000
BENCH_ARGS ?=
TEST_ARGS ?=

BIN := .venv/bin
CATALOGUES := $(wildcard ledger/translations/*/LC_MESSAGES/*.po)
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check

export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test check bench screenshots pins docs clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: .venv/installed $(CATALOGUES:.po=.mo) ## build .venv with the pinned packages and compile the translations

run: setup ## start the demonstration on http://127.0.0.1:5000 (HOST=… and PORT=… move it)
	@LEERREKENING_PUBLIC_URL="$${LEERREKENING_PUBLIC_URL:-http://$(HOST):$(PORT)}" \
	  $(BIN)/leerrekening demo --host "$(HOST)" --port "$(PORT)"

test: check ## run every test: unit, property, both databases, real browser (TEST_ARGS=… for pytest)
	@$(BIN)/python -m tests.postgres
	@$(BIN)/python -m tests.browser
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(TEST_ARGS)

check: setup ## style and types only: ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: setup ## measure speed beside yardsticks, 25 minutes (BENCH_ARGS=… as docs/performance.md says)
	@$(BIN)/python -m bench $(BENCH_ARGS)

screenshots: setup ## take a picture of every kind of page, in test-results/screenshots
	@$(BIN)/python -m tests.e2e.screenshots

pins: .venv/installed ## resolve the ranges of setup.cfg anew into constraints.txt
	@python="$(BIN)/python" bash -c 'tool=$$(mktemp -d) && trap "rm -rf $$tool" EXIT && \
	  $$python -m venv $$tool && $$tool/bin/python -m pip install --quiet uv && \
	  head -2 constraints.txt >$$tool/pins && echo "setuptools>=77" >$$tool/build.in && \
	  $$tool/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-config --all-extras --no-annotate --no-header setup.cfg $$tool/build.in >>$$tool/pins && \
	  cp $$tool/pins constraints.txt'

docs: setup ## write the generated pages of docs/ anew
	@$(BIN)/python docs/generate.py

clean: ## remove what was built; instance/ (settings, database, keys) stays
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis \
	  test-results bench/.cache
	rm -f $(CATALOGUES:.po=.mo)
	find ledger tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is newer than all that it was built from, so a second run has nothing to do.
.venv/installed: constraints.txt setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Leerrekening needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	       "Another one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) cannot build virtual environments. On Debian or Ubuntu:" \
	       "sudo apt-get install python3-venv" >&2; exit 1; }
	@[ -x $(BIN)/python ] || { echo "Building .venv …"; $(PYTHON) -m venv .venv; }
	@echo "Installing the pinned packages (a minute or two, once) …"
	@$(PIP) --require-hashes -r constraints.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

%.mo: %.po .venv/installed
	@$(BIN)/pybabel --quiet compile -i $< -o $@
