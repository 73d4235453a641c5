# Every target sets up .venv by itself: all it takes is Python 3.11 or later, and a package index
# for the first run. Versions and hashes are those of packaging/*.lock.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

# The oldest version that will do comes first: it is the one that appliances have.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && echo "$$python" && break; done)

BIN := .venv/bin
READY := .venv/ready
LOCKS := packaging/requirements.lock packaging/requirements-dev.lock
ARGS ?=
# Tests wait for processes more than they compute: three for each processor.
PROCESSES ?= $(shell expr 3 \* "$$(nproc)")
DIST ?= bookworm
RELEASE ?= bookworm

PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# What pyproject.toml names in the group that follows, one requirement a line.
GROUP := $(BIN)/python -c 'import sys, tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"][sys.argv[1]], sep="\n")'

.PHONY: help demo test test-container faults mutation fuzz soak bench coverage check format doc man deb rpm lock clean

help: ## say what there is to make
	@sed -n 's/^\([a-z-]*\):.* ## /make \1\t/p' Makefile

demo: $(READY) ## rotate certificates in the closed world, before your eyes
	$(BIN)/edgepind lab $(ARGS)

test: $(READY) ## run all tests that can run here; those that cannot say why (ARGS=... for pytest)
	$(BIN)/pytest --numprocesses=$(PROCESSES) --dist=loadgroup $(ARGS)
	@echo "Not among these: the tests on a real systemd (make test-container, as root)."

test-container: $(READY) ## as root: install, run and hurt it on a Debian of its own, with a real systemd (RELEASE=trixie, ARGS="-k power"; .ci/run has no time for a second release)
	EDGEPIND_RELEASE=$(RELEASE) $(BIN)/pytest -m container --numprocesses=3 --dist=loadfile tests/container $(ARGS)

faults: $(READY) ## as root: bring about every fault of the matrix, and write packaging/doc/faults.md
	$(BIN)/pytest -m '' --faults=packaging/doc/faults.md $(ARGS)

coverage: $(READY) ## show which branch of the pure core its own tests leave out; none may be
	$(BIN)/coverage run -m pytest --quiet tests/core tests/scenarios/test_scenarios.py $(ARGS)
	$(BIN)/coverage report --include='edgepind/core/*' --fail-under=100

mutation: $(READY) ## break the core on purpose: does a test notice? Takes hours (ARGS="--jobs 4")
	$(PIP_INSTALL) $$($(GROUP) mutation)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.tools.mutation $(ARGS)

check: $(READY) ## lint, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(READY) ## put the source in form
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

doc: $(READY) ## draw the core's tables, the verdicts on chains and the simulation's figures into packaging/doc
	$(BIN)/python packaging/doc/generate.py
	$(BIN)/python packaging/doc/chains.py
	$(BIN)/python packaging/doc/offers.py
	$(BIN)/python packaging/doc/simulation.py

fuzz: $(READY) ## fuzz the parsers for a minute each, and keep what is new (ARGS="--seconds 600")
	$(PIP_INSTALL) $$($(GROUP) fuzz)
	$(BIN)/python -m tests.tools.fuzz $(ARGS)

soak: $(READY) ## run the daemon for 100,000 ticks in a troubled world (ARGS="--ticks 5000 --seed 2")
	$(BIN)/python -m tests.tools.soak $(ARGS)

bench: $(READY) ## measure what the daemon costs, beside the shell loop (ARGS=--ticks=10000)
	$(BIN)/python -m tests.tools.bench $(ARGS)

man: $(READY) ## write the manual pages into packaging/man
	$(BIN)/python packaging/man/generate.py

deb: $(READY) ## make dist/edgepind_*.deb and edgepind-lab_*.deb, and the SBOM (DIST=bookworm|trixie|noble ARGS=REVISION)
	packaging/build-deb $(DIST) $(ARGS)

rpm: $(READY) ## make dist/edgepind-*.rpm and edgepind-lab-*.rpm from the same tree, and the SBOM (ARGS=REVISION)
	packaging/build-rpm $(ARGS)

# Names and hashes only: where this machine gets its packages from is its own affair.
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes \
	--strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links \
	--no-emit-trusted-host --no-emit-options

lock: $(READY) ## pin every dependency by version and hash (ARGS=--upgrade for newer ones)
	$(COMPILE) $(ARGS) pyproject.toml --output-file packaging/requirements.lock
	$(GROUP) dev | $(COMPILE) $(ARGS) pyproject.toml - \
		--constraint packaging/requirements.lock \
		--output-file packaging/requirements-dev.lock
	sed -i 's/-r -$$/edgepind (the development group)/' packaging/requirements-dev.lock

clean: ## remove everything that was made here
	rm -rf .venv .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist mutants

# Begun anew whenever a lock changes, so that nothing older is left in it.
$(READY): $(LOCKS)
	@test -n "$(PYTHON)" || { echo "edgepind needs Python 3.11 or later with its venv module;" \
		"on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(PIP_INSTALL) --require-hashes --requirement packaging/requirements-dev.lock
	$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@
