# The commands of the project. They need make and any Python 3.11 or newer, nothing else: everything they install goes
# into .venv, at the versions of constraints.txt. `make` alone lists them.

VENV ?= .venv
BIN := $(VENV)/bin
# A Python of your own: `make test PYTHON=/path/to/python3.13`.
PYTHON ?=
PYTEST_OPTIONS ?=
DEMO_OPTIONS ?=
BENCH_OPTIONS ?=
# What `make fuzz` fuzzes, each for so many seconds.
FUZZ ?= hl7v2 mllp x12 fhir file books estate
FUZZ_SECONDS ?= 60

# Installed once, and again only when what they are made from changes.
INSTALLED_TO_RUN := $(VENV)/.installed-to-run
INSTALLED_TO_TEST := $(VENV)/.installed-to-test

# With SUTURE_NO_SKIPS=1 a skipped test is a failed run (see tests/house/plugin_no_skips.py).
ifeq ($(SUTURE_NO_SKIPS),1)
PYTEST := PYTHONPATH=tests/house $(BIN)/python -m pytest -p plugin_no_skips
else
PYTEST := $(BIN)/python -m pytest
endif
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint check coverage bench peers fuzz clean
.DELETE_ON_ERROR:

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED_TO_TEST) ## Make .venv with everything that builds, runs and tests Suture

demo: $(INSTALLED_TO_RUN) ## Run the sample estate against a simulated world (DEMO_OPTIONS="--json")
	@$(BIN)/suture demo $(DEMO_OPTIONS)

test: $(INSTALLED_TO_TEST) ## Run every test (PYTEST_OPTIONS="tests/unit -k money")
	$(PYTEST) $(PYTEST_OPTIONS)

lint: $(INSTALLED_TO_TEST) ## Check style, types and the layers of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

check: lint test ## Everything a change must pass: lint, then test

coverage: $(INSTALLED_TO_TEST) ## Run every test and show the branches that none of them takes
	$(BIN)/coverage run -m pytest $(PYTEST_OPTIONS)
	$(BIN)/coverage report

bench: $(INSTALLED_TO_RUN) ## Measure throughput and latency on this machine
	@$(BIN)/suture bench $(BENCH_OPTIONS)

peers: ## Bring the real servers that connectors are tested against into .peers (OpenSSH, Kafka, HAPI FHIR)
	tests/peers/install.sh

fuzz: $(INSTALLED_TO_TEST) ## Fuzz the readers, guided by coverage (FUZZ="hl7v2 x12" FUZZ_SECONDS=600)
	$(PIP) install --quiet --constraint constraints.txt atheris
	@for target in $(FUZZ); do \
	    echo "$$target, $(FUZZ_SECONDS) s"; \
	    $(BIN)/python -m tests.fuzz.guided $$target $(FUZZ_SECONDS) || exit 1; \
	done

clean: ## Remove .venv and everything built or cached; data under .suture stays
	rm -rf $(VENV) .peers .fuzz build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# What can test can run: the smaller installation is skipped where the larger one is up to date.
$(INSTALLED_TO_RUN): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(INSTALLED_TO_TEST): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $(INSTALLED_TO_RUN) $@

# The first Python of the list that is new enough and can make an environment with pip in it. What is wrong with the
# others is said only when none will do. An environment left half-made is made again (`--clear`).
$(BIN)/python:
	@found=; too_old=; no_pip=; \
	for candidate in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
	    command -v "$$candidate" >/dev/null 2>&1 || continue; \
	    if ! "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        too_old="$$too_old $$candidate"; continue; \
	    fi; \
	    if ! "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; then \
	        no_pip="$$no_pip $$candidate"; continue; \
	    fi; \
	    found="$$candidate"; break; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "Suture needs Python 3.11 or newer, with the modules venv and ensurepip." >&2; \
	    [ -z "$$too_old" ] || echo "  Too old:$$too_old" >&2; \
	    [ -z "$$no_pip" ] || echo "  New enough, but without ensurepip:$$no_pip" \
	        "(on Debian and Ubuntu: install python3-venv)" >&2; \
	    [ -n "$$too_old$$no_pip" ] || echo "  No Python was found on PATH." >&2; \
	    echo "  Then run make again, or name one: make setup PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv --clear "$(VENV)" || { rm -rf "$(VENV)"; exit 1; }
