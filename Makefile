.DEFAULT_GOAL := help
.PHONY: help setup dev-setup run test e2e chaos check bench screens gallery lock
py := .venv/bin/python
workers ?= 3
reruns ?= 0

help:
	@echo "make run      start the sandbox, the controller and the dashboard; print one address"
	@echo "make test     all tests (unit, contract, browser)"
	@echo "make check    formatting, lint, types, layers, compiled requirements"
	@echo "make e2e      only the browser tests      make bench    measure the budgets (SOAK=60: an hour of viewers)"
	@echo "make chaos    a long run of faults and kills (FAULTS, KILLS, SEED)"
	@echo "make setup    only the environment        make screens  screenshots for the README"
	@echo "make gallery  the painter's pictures in docs/painter.md"

setup:
	@tools/setup.sh

run: setup
	@./atlas up

dev-setup:
	@tools/setup.sh --dev

test: dev-setup
	$(py) -m pytest -n $(workers) --dist loadfile --no-loadscope-reorder --reruns $(reruns)

e2e: dev-setup
	$(py) -m pytest -m e2e

chaos: FAULTS ?= 1000
chaos: KILLS ?= 60
chaos: SEED ?= 1
chaos: dev-setup
	ATLAS_CHAOS_FAULTS=$(FAULTS) ATLAS_CHAOS_KILLS=$(KILLS) ATLAS_CHAOS_SEED=$(SEED) $(py) -m pytest -s tests/chaos/test_chaos.py

check: dev-setup
	$(py) -m ruff format --check .
	$(py) -m ruff check .
	$(py) -m pyright
	.venv/bin/lint-imports
	@tools/lock.sh --check

bench: SOAK ?= 2
bench: dev-setup
	ATLAS_BENCH_SOAK_MIN=$(SOAK) $(py) -m tests.bench

screens: dev-setup
	$(py) -m tests.e2e.screens

gallery: setup
	$(py) -m tools.gallery

lock: dev-setup
	@tools/lock.sh
