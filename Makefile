# Plain Python and pip do; uv is used when it is there. Every step is printed.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
UV     := $(shell command -v uv 2>/dev/null)

# Every process of a run imports the same libraries: their bytecode, written once, spares each of them seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check crash bench compare clean

demo: $(VENV)/.ready
	$(BIN)/sachawatch run configs/demo-madre-de-dios.yaml

test: $(VENV)/.ready
	$(BIN)/python tests/kernels.py
	$(BIN)/python -m pytest -n 2 --hypothesis-profile=steady

check: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Longer proofs: the figures in benchmarks/RESULTS.md
crash: $(VENV)/.ready
	$(BIN)/python benchmarks/crash.py
	SACHAWATCH_THOROUGH=1 $(BIN)/python -m pytest tests/test_sources_stac.py tests/test_sources_earthengine.py -k schedule

bench: $(VENV)/.ready
	$(BIN)/python benchmarks/real_series.py

# Ours beside the peers' packages, on simulated worlds; under an hour on two cores.
compare: $(VENV)/.ready
ifneq ($(UV),)
	$(UV) pip install --python $(BIN)/python --require-hashes --only-binary :all: -r benchmarks/peers/requirements.lock
else
	$(BIN)/pip install --quiet --no-compile --require-hashes --only-binary :all: -r benchmarks/peers/requirements.lock
endif
	$(BIN)/python benchmarks/comparison.py

$(VENV)/.ready: requirements.lock pyproject.toml
ifneq ($(UV),)
	$(UV) venv --allow-existing --python $(PYTHON) $(VENV)
	$(UV) pip install --python $(BIN)/python --require-hashes --only-binary :all: -r requirements.lock
	$(UV) pip install --python $(BIN)/python --no-deps -e .
else
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-compile --require-hashes --only-binary :all: -r requirements.lock
	$(BIN)/pip install --quiet --no-compile --no-deps -e .
endif
	@touch $@

clean:
	rm -rf $(VENV) out
