# Each target sets up what it needs: a virtual environment in .venv and the install.
PYTHON ?= python3
BIN := .venv/bin
# Processes that share the tests, each with one thread of its own.
WORKERS ?= 2

.PHONY: install demo test check docs format clean

install: .venv/installed

.venv/installed: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing vadkit and what it needs into .venv (torch is large)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: install
	@$(BIN)/python benchmarks/demo.py

test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/vadkit schema | diff -q - docs/recipe.schema.json >/dev/null \
	  || { echo "docs/recipe.schema.json is out of date; run: vadkit schema --out docs/recipe.schema.json"; exit 1; }

# Every link and anchor must lead somewhere.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache dist build
