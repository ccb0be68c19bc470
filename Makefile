# Everything happens in .venv, made on first use; nothing outside this folder is touched.
# Paths are relative, so the folder's own path may contain spaces.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
WORKERS ?= 2
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
export UV_CACHE_DIR ?= $(CURDIR)/.venv/uv-cache

.PHONY: demo test test-long test-servers check format bench-quick clean help
help:            ## list the targets
	@grep -E '^[a-z-]+: .*##' Makefile | sed 's/:.*##/  —/'

demo: .venv/ready   ## set up, then run the whole line on a real data set (about a minute)
	@$(BIN)/python -m workbench demo

test: .venv/ready-dev   ## set up, then pass the tests: two files at a time (WORKERS=4: four), then those that need all cores
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile -m "not long and not alone"
	@$(BIN)/python -m pytest -m alone

test-long: .venv/ready-dev   ## the tests that take minutes: runs killed at a hundred random moments
	@$(BIN)/python -m pytest -m long

test-servers: .venv/ready-dev   ## push and pull with servers of S3 and SFTP on this machine, in an environment of their own
	@"$(UV)" venv --quiet --allow-existing --python $(BIN)/python .venv/servers
	@"$(UV)" pip install --quiet --python .venv/servers/bin/python -e . --group s3 --group sftp pytest hypothesis
	@.venv/servers/bin/python -m pytest tests/experiment/test_s3.py tests/experiment/test_sftp.py tests/dataset/test_fetch.py

check: .venv/ready-dev   ## format, lint, types, import contracts, docs
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q --doctest-modules workbench tests/docs

format: .venv/ready-dev   ## rewrite the code in the house format
	$(BIN)/python -m ruff format .
	$(BIN)/python -m ruff check --fix .

bench-quick: .venv/ready   ## measure this work tree beside the last commit and its peers (at most 10 minutes)
	@$(BIN)/python benchmarks/peers.py --prepare data
	@$(BIN)/python benchmarks/peers.py --quick

clean:   ## remove the environment
	rm -rf .venv

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "The workbench needs Python 3.11 or newer with venv; none was found. Install it, or name it: make demo PYTHON=/path/to/python3"; exit 2; }
	@echo "[1/2] Making .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv
	@test "$(UV)" != "$(BIN)/uv" || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv

.venv/ready: pyproject.toml | .venv/bin/python
	@echo "[2/2] Installing the workbench and what it is built on (once; later runs need no network)"
	@"$(UV)" pip install --python $(BIN)/python -e .
	@touch $@

.venv/ready-dev: pyproject.toml | .venv/bin/python
	@echo "[2/2] Installing the workbench and the tools that check it (once; later runs need no network)"
	@"$(UV)" pip install --python $(BIN)/python -e . --group dev
	@touch $@ .venv/ready
