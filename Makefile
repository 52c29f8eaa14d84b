# `make run` and `make test` install everything they need. Required: Python 3.11 or newer, gcc, make and git.
SHELL := /bin/bash
PYTHON ?= python3
CORES ?= all
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help run test fuzz faults slurm lint docs schema clean

# The comments after ## are the help.
help: ## show this page
	@echo "make TARGET, where TARGET is"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' Makefile
	@echo "CORES=2 limits \`make run\` to two cores. Other programs need the environment: source .venv/bin/activate. Then:"
	@echo "  snakemake --cores all all                                      the same run, with Snakemake's own lines"
	@echo "  snakemake --cores all features                                 features alone: nothing is trained"
	@echo "  snakemake --cores all plots/gates_val.png                      one file, with all that it needs"
	@echo "  snakemake --cores all all --configfile config/demo_full.yaml   another study: all runs, five seeds"
	@echo "  snakemake -n all                                               what would run, and why; nothing runs"
	@echo "  python -m eval --help                                          commands (also: av_highlights, feature_extractors, model, demo)"

run: .venv/installed ## run the whole workflow on the embedded demo: media, features, training, scores, plots
	snakemake --cores $(CORES) --quiet rules host reason -- all

# Tests of one file share their set-up, so each file goes to one process; a process needs up to 2 GB. Each process reads
# all tests: they are compiled once, whatever the environment says of bytecode.
test: export PYTHONDONTWRITEBYTECODE :=
test: .venv/installed lint ## run all checks, then the tests
	python -m pytest -n auto --maxprocesses 4 --dist loadfile

fuzz: .venv/installed ## read thousands of damaged files of all kinds, in minutes: the long form of tests, and media
	FUZZ_EXAMPLES=1000 python -m pytest -q tests/test_fuzzing.py tests/eval/test_mutations.py
	python -m benchmarks.robustness.damaged_media

faults: .venv/installed ## break a small study in 300 ways, in ten minutes, and write docs/reliability.md (as root, full disks and other users too)
	python -m benchmarks.robustness --write docs/reliability.md

slurm: .venv/installed ## run a small study on a real Slurm, set up on this machine as root, and break it, in some 30 minutes
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[slurm]'
	python -m pytest -m slurm tests/workflow/cluster

lint: .venv/installed ## check formatting, lint rules, types and the workflow
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	mypy
	snakemake --lint

docs: .venv/installed ## build the documentation as a site, build/site/index.html
	NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict

schema: .venv/installed ## regenerate from the settings classes: JSON schema, reference page, comments of config.yaml
	python -m workflow schema

# Programs of an environment name its folder, so a moved one is made anew. So is a half-made one, which has no `installed`
# but a `making`.
MADE_IN := $(shell cat .venv/installed 2>/dev/null)
ifneq ($(filter-out $(CURDIR),$(MADE_IN)),)
.venv/installed: anew
.PHONY: anew
anew: ; @echo "the folder was moved: .venv is made anew"; touch .venv/making
endif

# Installed with uv, which resolves wheels that fit together (see pyproject.toml) and compiles them to bytecode once.
.venv/installed: pyproject.toml constraints.txt
	@if [ -e .venv/making ]; then echo "removing an unfinished .venv"; rm -rf .venv; fi
	@mkdir -p .venv && touch .venv/making
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -c constraints.txt -e '.[all,dev]'
	@rm .venv/making && echo "$(CURDIR)" >$@

clean: ## remove all outputs, keep the environment
	rm -rf build data weights manifests features runs predictions results plots reports logs .snakemake
