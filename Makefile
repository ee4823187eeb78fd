# Everything a developer or an operator types. On a fresh Debian machine Python 3.11 and make are enough.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test setup lint bench pbx model clean

demo: $(VENV)/runtime
	$(BIN)/python service.py demo $(if $(ONCE),--once)

test: setup
	$(PYTHON) tests/packages.py
	$(BIN)/python -m pytest $(ARGS)

setup: $(VENV)/developer

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python service.py flows check
	$(BIN)/python service.py prompts check

bench: setup
	$(BIN)/python -m bench

# Trains an acoustic model from recordings (SPEECH, a folder with a manifest.tsv) and synthetic voices into MODEL.
SPEECH ?= ../shared/speech
MODEL ?= var/training/zh-small-8k
model: setup
	$(BIN)/pip install --quiet '.[training]'
	nice $(BIN)/python -m recognizer.training --speech $(SPEECH) --out $(MODEL)

pbx: $(VENV)/runtime
	$(BIN)/python service.py pbx

$(VENV)/runtime: requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	touch $@

$(VENV)/developer: requirements-dev.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@ $(VENV)/runtime

clean:
	rm -rf $(VENV) var .mypy_cache .pytest_cache .ruff_cache
