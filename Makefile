# `make grade` for a newcomer, `make test` for everybody: both set up what they need.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
AXE    := tests/browser/node_modules/.ready

.DEFAULT_GOAL := help
.PHONY: help grade test thorough hostile check validate benchmark docs screenshots clean

help: ## Tell what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..." >&2; exit 2; }
	@echo "Setting up $(VENV) (a few minutes the first time: torch is large)"
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) \
		&& uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[course,test]'; \
	else \
		$(PYTHON) -m venv $(VENV) \
		&& $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[course,test]'; \
	fi
	@touch $@

# What looks for accessibility faults in the pages. Without npm, or a registry, those tests are skipped and say so.
$(AXE): tests/browser/package-lock.json
	@if command -v npm >/dev/null 2>&1; then \
		npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund --silent >/dev/null 2>&1 && touch $@ \
			|| echo "npm could not install axe-core: the tests that need it are skipped" >&2; \
	fi

grade: $(READY) ## Grade the reference solution of exercise 110
	$(BIN)/grade solutions/110
	@echo
	@echo "Now your own: edit exercises/110/110_mnist.ipynb, then run"
	@echo "    $(BIN)/grade exercises/110"

# Commands are started a hundred times: what they import is compiled once, whatever the environment says.
test thorough hostile: export PYTHONDONTWRITEBYTECODE :=

test: $(READY) $(AXE) check ## Run every test
	$(BIN)/python -m pytest -n 4 --dist worksteal

thorough: $(READY) $(AXE) check ## Run every test in every mode: an hour or more
	GRADER_TEST_EVERY_MODE=1 $(BIN)/python -m pytest -n 2 --dist worksteal

hostile: $(READY) ## Run the corpus of hostile notebooks alone, in every mode that there is
	GRADER_TEST_EVERY_MODE=1 $(BIN)/python -m pytest -n 2 --dist worksteal tests/hostile

check: $(READY) ## Run the linters and the type checkers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m tests.typecheck

validate: $(READY) ## Prove every exercise: reference, starter and mistakes against the checks
	$(BIN)/grade validate

benchmark: $(READY) ## Measure grading beside plain execution, nbgrader and otter
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/cpu.py

docs: $(READY) ## Build the site of docs/ into site/, and look at its links
	@$(BIN)/python -c 'import mkdocs, material, mkdocstrings' 2>/dev/null || if command -v uv >/dev/null 2>&1; then \
		uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[docs]'; \
	else \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'; \
	fi
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

screenshots: $(READY) ## Make the pictures in docs/images again, from a class graded for them
	$(BIN)/python docs/screenshots.py

clean: ## Remove the environment and all caches
	rm -rf $(VENV) site tests/browser/node_modules .mypy_cache .pytest_cache .ruff_cache *.egg-info
