# Two commands do everything: `make run` (a day's top 10 on this machine) and `make test`.
# They make the environment themselves; a second time they start in seconds.

PYTHON ?= python3
SOURCE ?= tiktok
# SITE=real calls the real services in place of the stand-ins (docs/guides/real-sites.md).
SITE ?= stand-in
# For example ARGS="--date 2026-11-20 --clips 200"
ARGS ?=
REAL := $(if $(filter real,$(SITE)),--real all)

# Tests and the embedded AWS start hundreds of Python processes: without bytecode each compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
# An environment of our own holds its own uv, so that nothing but Python is needed.
UV := $(BIN)/uv
UV_VERSION := 0.13.8
# Those that Python brings have known faults: pip is renewed, and setuptools, which nothing here needs, is removed.
PIP_VERSION := 26.3
EDITABLE := --no-deps --editable layers/framesift --editable local
PACKAGES := layers/framesift/pyproject.toml local/pyproject.toml
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-package framesift

# Checkov pins other versions than ours, so it has an environment of its own.
CHECKOV := tests/cdk/checkov

# Long files come first (tests/conftest.py); xdist would begin with those that have many tests.
WORKERS := -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart=0

.DEFAULT_GOAL := help
.PHONY: help run up test quick check docs lock clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(BIN)/.ready-run ## Run a day on this machine: crawl, analyze, rank, publish (SOURCE=tiktok, SITE=real)
	@$(BIN)/framesift local run $(SOURCE) $(REAL) $(ARGS)

up: $(BIN)/.ready-run ## Keep the embedded AWS running, with its schedules and its API
	@$(BIN)/framesift local up $(REAL) $(ARGS)

test: check $(BIN)/.ready-checkov ## Run every check and every test, offline; print the coverage
	@$(BIN)/python -m framesift_local.page_build test
	@$(BIN)/framesift local prepare --quiet
	@$(BIN)/pytest $(WORKERS) $(if $(ARGS),$(ARGS),--cov)

quick: check ## The same in a minute: no browser, no server, no training, no pose network, no Docker
	@$(BIN)/pytest $(WORKERS) --quick -q $(ARGS)

check: $(BIN)/.ready-dev ## Lint, types, the state machine, and that made files are up to date
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy layers/framesift/python/framesift functions/*/handler.py containers local/framesift_local cdk statemachine fuzz docs/*.py
	@$(BIN)/python -m statemachine.lint
	@$(BIN)/python docs/make.py --check
	@$(BIN)/python -m framesift_local.page_build check

docs: $(BIN)/.ready-dev ## Make docs/settings.md and the JSON Schemas anew
	@$(BIN)/python docs/make.py

lock: $(UV) ## Choose the newest versions that fit, and lock them with their hashes
	@$(LOCK) $(PACKAGES) -o requirements/run.txt
	@$(LOCK) --all-extras --group pyproject.toml:dev $(PACKAGES) -c requirements/run.txt -o requirements/dev.txt
	@echo awslambdaric | $(LOCK) layers/framesift/pyproject.toml - --extra language --extra publish -o requirements/steps.txt
	@echo awslambdaric | $(LOCK) layers/framesift/pyproject.toml - --extra detection --extra onnx -o requirements/detection.txt
	@echo awslambdaric | $(LOCK) layers/framesift/pyproject.toml - --extra crawl -o requirements/crawler.txt
	@echo awslambdaric | $(LOCK) layers/framesift/pyproject.toml - --extra search -o requirements/search.txt
	@$(LOCK) layers/framesift/pyproject.toml --extra vision --extra maps --extra pose --extra search -o requirements/vision.txt
	@$(LOCK) layers/framesift/pyproject.toml --extra vision --extra maps --extra pose --extra search --extra torch -o requirements/vision-gpu.txt
	@echo checkov | $(LOCK) - -o $(CHECKOV)/requirements.txt
	@printf 'cyclonedx-bom\nsetuptools\nwheel\nnumpy\ncython\n' | $(LOCK) - -o requirements/build.txt

clean: ## Remove the environment and what runs left (.framesift)
	rm -rf .venv cdk.out .framesift

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv \
		|| { echo "Python's venv module is missing: install it (Debian and Ubuntu: apt-get install python3-venv)."; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) pip==$(PIP_VERSION)
	@$(BIN)/python -m pip uninstall --quiet --yes setuptools

$(BIN)/.ready-run: requirements/run.txt $(PACKAGES) | $(UV)
	@echo "Making the environment (.venv): a minute the first time."
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/run.txt
	@$(UV) pip install --quiet --python $(BIN)/python $(EDITABLE)
	@$(BIN)/framesift local prepare
	@touch $@

$(BIN)/.ready-dev: requirements/dev.txt $(PACKAGES) | $(UV)
	@echo "Making the environment for tests (.venv): torch is large, some minutes the first time."
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(UV) pip install --quiet --python $(BIN)/python $(EDITABLE)
	@touch $@

$(BIN)/.ready-checkov: $(CHECKOV)/requirements.txt | $(UV)
	@$(UV) venv --quiet --clear --python $(BIN)/python .venv/checkov
	@$(UV) pip install --quiet --python .venv/checkov/bin/python --require-hashes -r $<
	@touch $@
