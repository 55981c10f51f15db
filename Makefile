# Every target makes its own virtual environment, $(VENV), when there is none.  PYTHON picks the interpreter (3.11+).
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
SEEDS ?= 0:300
# How many operands the table of accuracy is measured on: about a minute; for all of them, ACCURACY="--stride 1 --count 3000000".
ACCURACY ?= --stride 97 --count 300000

.PHONY: demo test test-all fuzz bench lint docs clean

demo: $(READY)
	$(BIN)/python -m treadle demo

test: $(READY)
	$(BIN)/python -m pytest -q -n $(JOBS) -m "not heavy and not gpu"

test-all: $(READY)
	$(BIN)/python -m pytest -q -n $(JOBS)

fuzz: $(READY)
	$(BIN)/python -m tests.fuzz --seeds $(SEEDS) --jobs $(JOBS)

bench: $(VENV)/.ready-bench
	$(BIN)/python -m treadle bench

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/python -m tests.typecheck

docs: $(READY)
	$(BIN)/python -m tests.codegen.math.accuracy $(ACCURACY)

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev,ml]"
	touch $@

$(VENV)/.ready-bench: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
