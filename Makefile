# edge-assets: two commands for people, `make up` and `make test`; the rest serves them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EDGE_HOME ?= .edge
# Not in the lock: its wheel is another one on every kind of machine. Add an index of CPU builds here.
TORCH ?= torch==2.13.0
# Tests wait for subprocesses more than they compute: more of them than cores pays.
WORKERS ?= 3
# With REPORTS=folder pytest writes its results there, as JUnit's XML.
report = $(if $(REPORTS),--junitxml=$(REPORTS)/$(1).xml)
export EDGE_HOME
export ORT_DISABLE_TELEMETRY := 1
export DAGSTER_DISABLE_TELEMETRY := yes
export DO_NOT_TRACK := 1

.PHONY: up test demo bench soak setup lint types check lock protos clean

up: setup ## the local hub, a fleet, Dagster: everything, under one supervisor
	@$(BIN)/edgectl up

demo: setup ## the whole story, headless, from an empty state directory
	@$(BIN)/edgectl demo $(if $(MODEL),--model $(MODEL))

test: setup lint ## everything that CI runs; types are checked while tests wait
	@$(MAKE) --no-print-directory --jobs=2 types check

bench: setup ## the figures of the inference service beside its peers (needs nghttp2-client)
	@$(BIN)/python -m benchmarks.inference

soak: setup ## 30 minutes of load, swaps and abuse: nothing may fail, nothing may grow
	@$(BIN)/python -m benchmarks.soak --minutes 30

setup: $(STAMP) ## makes .venv once

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else f"edge-assets needs Python 3.11 to 3.13, this is {v[0]}.{v[1]}: try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

check:
	$(BIN)/pytest -m "not alone" --numprocesses $(WORKERS) --dist loadfile $(call report,tests)
	$(BIN)/pytest -m alone $(call report,alone)

lock: ## pins every dependency with its hashes (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --extra dev \
	  --extra boosting --extra deep-around-torch --extra webapp --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.lock

protos: setup ## regenerates the Python code of the contracts
	$(BIN)/python -m grpc_tools.protoc -I . --python_out=. --grpc_python_out=. --pyi_out=. protos/inference.proto
	$(BIN)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. protos/contract.proto

clean:
	rm -rf $(VENV) $(EDGE_HOME)
