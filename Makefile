# Everything a developer or an operator types. On a fresh Debian machine Python 3.11 and make are enough.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-training setup lint bench eval pbx model clean

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

# What follows needs torch, matplotlib and recordings, which nothing else does: an environment of its own.
# SPEECH is a folder of recordings with a manifest.tsv.
SPEECH ?= ../shared/speech
TRAINING := .venv-training

# Trains the acoustic models from recordings and synthetic voices: the folders zh-small-8k and en-small-8k in OUT.
# CALLS are folders that `service.py speech export` filled, if any. With FOLD (0, 1 or 2) it trains a network without the
# speakers of that fold instead, into OUT/folds: with all three, `make eval` measures the models in OUT by them.
OUT ?= var/training/models
CALLS ?=
FOLD ?=
model: $(TRAINING)/ready
	nice $(TRAINING)/bin/python -m recognizer.training --speech $(SPEECH) --out $(OUT) \
		$(addprefix --calls ,$(CALLS)) $(addprefix --fold ,$(FOLD))

# How well models hear; MODELS such as "zh-CN=var/training/models/zh-small-8k", those shipped if empty.
MODELS ?=
eval: $(TRAINING)/ready
	nice $(TRAINING)/bin/python -m bench.hearing --speech $(SPEECH) $(addprefix --model ,$(MODELS))

test-training: $(TRAINING)/ready
	$(TRAINING)/bin/python -m pytest tests/recognizer/training tests/recognizer/evaluation $(ARGS)

$(TRAINING)/ready: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(TRAINING)
	$(TRAINING)/bin/pip install --quiet --require-hashes -r requirements-dev.lock
	$(TRAINING)/bin/pip install --quiet '.[training]'
	$(TRAINING)/bin/pip uninstall --quiet --yes huifang
	$(PYTHON) tests/packages.py espeak-ng
	touch $@

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
	rm -rf $(VENV) $(TRAINING) var .mypy_cache .pytest_cache .ruff_cache
