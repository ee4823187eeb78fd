# All developer and operator commands. A fresh Debian machine needs only Python 3.11 and make.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check test-soak test-training setup lint bench eval pbx model clean

# Tests start many processes; without bytecode each would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

demo: $(VENV)/runtime
	$(BIN)/python service.py demo $(if $(ONCE),--once)

# Tests with calls send and receive voices in real time: they mostly wait, and no other tests run beside them.
REAL_TIME := pbx or browser or container or calls
CALLERS := $(shell echo $$((3 * $$(nproc))))
# Workers for all other tests, which mostly compute.
WORKERS := $(shell echo $$((2 * $$(nproc) + 1)))
# ARGS may select tests of one kind only: pytest ends with 5 when it finds none.
NONE := [ $$? = 5 ]
# Whatever failed with calls is run once more, alone: on a busy machine a voice may have stumbled.
AGAIN := case $$? in 5) ;; 1) $(BIN)/python -m pytest --last-failed --numprocesses=1 -m '$(REAL_TIME)' ;; *) exit 1 ;; esac

# Run all tests; print the slowest of both kinds, and the branch coverage of the quick tests that lead no calls.
test: setup
	$(PYTHON) tests/packages.py
	$(BIN)/python -m pytest --numprocesses=$(CALLERS) --durations=20 -m '$(REAL_TIME)' $(ARGS) || $(AGAIN)
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --durations=20 --cov --cov-report=term:skip-covered \
		-m 'not ($(REAL_TIME))' $(ARGS) || $(NONE)

# Run the fast tests: those without Asterisk, browser, container, database server and calls.
check: setup
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) \
		-m 'not pbx and not browser and not container and not postgres and not calls and not slow' $(ARGS)

# Run all tests RUNS times, every second time under load from other processes.
RUNS ?= 10
test-soak: setup
	$(BIN)/python -m tests.soak $(RUNS)

setup: $(VENV)/developer

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python service.py flows check
	$(BIN)/python service.py prompts check

bench: setup
	$(BIN)/python -m bench

# The following targets need torch, matplotlib and recordings, hence a separate environment.
# SPEECH: folder of recordings with a manifest.tsv.
SPEECH ?= ../shared/speech
TRAINING := .venv-training

# Train the acoustic models from recordings and synthetic voices into OUT/zh-small-8k and OUT/en-small-8k.
# CALLS: folders written by `service.py speech export` (optional). FOLD (0, 1 or 2): train a network without the speakers of
# that fold into OUT/folds instead; with all three, `make eval` uses them to measure the models in OUT.
OUT ?= var/training/models
CALLS ?=
FOLD ?=
model: $(TRAINING)/ready
	nice $(TRAINING)/bin/python -m recognizer.training --speech $(SPEECH) --out $(OUT) \
		$(addprefix --calls ,$(CALLS)) $(addprefix --fold ,$(FOLD))

# Evaluate models. MODELS: such as "zh-CN=var/training/models/zh-small-8k"; empty: the shipped models.
MODELS ?=
eval: $(TRAINING)/ready
	nice $(TRAINING)/bin/python -m bench.hearing --speech $(SPEECH) $(addprefix --model ,$(MODELS))

test-training: $(TRAINING)/ready
	$(TRAINING)/bin/python -m pytest --numprocesses=$(shell nproc) \
		tests/recognizer/training tests/recognizer/evaluation $(ARGS)

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
