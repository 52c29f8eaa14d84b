# `make run` and `make test` do all set-up on a machine with Python 3.11 or newer, gcc, make and git.
SHELL := /bin/bash
PYTHON ?= python3
CORES ?= all
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: run test lint schema clean

run: .venv/installed ## the main job on the embedded demo: media, features, training, scores, plots
	snakemake --cores $(CORES) --quiet host reason -- all

# A file's tests share what they set up, so files are dealt out whole; each process takes up to 2 GB.
test: .venv/installed lint ## all checks, then the tests
	python -m pytest -n auto --maxprocesses 4 --dist loadfile

lint: .venv/installed ## formats, lint rules, types and the workflow's own lint
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	mypy
	snakemake --lint

schema: .venv/installed ## what is generated from the settings classes: JSON schema, page, comments of config.yaml
	python -m workflow schema

# uv, because it takes the published wheels that fit together (see pyproject.toml) and compiles them once.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -c constraints.txt -e '.[all,dev]'
	touch $@

clean: ## remove what was made, keep the environment
	rm -rf build data weights manifests features runs results plots reports logs .snakemake
