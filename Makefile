# Every target sets up what it needs in .venv first. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
# Real processes have deadlines, which a crowded machine can miss. What fails beside others is told, and
# run once more by itself: what fails twice is a fault.
ONCE_MORE := $(BIN)/pytest --last-failed --last-failed-no-failures none
PROTOS := $(wildcard server/batchwright_server/protos/*.proto)

.DEFAULT_GOAL := help

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 12

demo: $(VENV)/.demo models ## Serve a model, vary the batch sizes, watch the policy switch it (5 minutes the first time)
	$(BIN)/python -m example_client.demo --models build/models --out build/demo

steady: $(VENV)/.demo models ## The opposite: one steady batch size, and no switch
	$(BIN)/python -m example_client.demo --steady 8 --models build/models --out build/steady

models: $(VENV)/.demo ## Build the sample models and images into build/models
	$(BIN)/python -m example_client.sample_models --out build/models

test: $(VENV)/.dev ## Run all tests: unit, contract, integration
	$(BIN)/pytest -n $(or $(JOBS),3) --dist loadfile -m 'not alone' || $(ONCE_MORE) -m 'not alone'
	$(BIN)/pytest -m alone || $(ONCE_MORE) -m alone

fuzz: $(VENV)/.dev ## Try properties with new examples (EXAMPLES=1000), fuzz parsers (FUZZ_EXAMPLES=20000, FUZZ_SECONDS=60 each)
	EXAMPLES=$(or $(EXAMPLES),1000) $(BIN)/pytest -n $(or $(JOBS),3) --timeout 0 tests/unit
	FUZZ_EXAMPLES=$(or $(FUZZ_EXAMPLES),20000) $(BIN)/pytest --timeout 0 tests/fuzz
	$(PIP) --editable '.[fuzz]'
	mkdir -p build
	for name in $$($(BIN)/python -m tests.fuzz.parsers); do \
		$(BIN)/python -m tests.fuzz.atheris_parsers $$name -max_total_time=$(or $(FUZZ_SECONDS),60) -timeout=5 \
			-rss_limit_mb=2048 -artifact_prefix=build/fuzz-$$name- || exit 1; \
	done

bench: $(VENV)/.dev models ## Compare the server side by side with others (SECTIONS="tiny mixed", ROUNDS=7; leave the machine alone)
	$(BIN)/python -m benchmarks.serving --rounds $(or $(ROUNDS),7) $(SECTIONS)

policy: $(VENV)/.dev ## Judge the policy on simulated servers: its regret on every trace, in build/policy (a minute)
	$(BIN)/python -m benchmarks.policy --processes $(or $(JOBS),2)

scale: $(VENV)/.dev ## Measure the operator with OBJECTS=1000 ModelServers on a real control plane
	$(BIN)/python -m benchmarks.operator_scale --objects $(or $(OBJECTS),1000)

e2e: $(VENV)/.dev ## The stories of users on a real node: as root on a Linux of one's own, or on a disposable cluster
	$(BIN)/pytest --e2e tests/e2e

images: $(VENV)/.dev ## Build the images of server, operator and example client
	$(BIN)/python -m tests.support.node images

check: $(VENV)/.dev ## Lint, types, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

generate: $(VENV)/.dev ## Make what is generated anew (protocol stubs, custom resources, references)
	$(BIN)/python -m grpc_tools.protoc -I server --python_out=server --pyi_out=server \
		--grpc_python_out=server $(PROTOS)
	$(BIN)/python -m tools.configuration_reference docs
	$(BIN)/python -m tools.custom_resources crds docs
	$(BIN)/python -m tools.dashboard charts/batchwright/dashboards/batchwright.json
	$(BIN)/python -m tools.chart_reference charts/batchwright
	$(BIN)/python -m tools.metrics_reference docs
	$(BIN)/python -m tools.cli_reference docs
	$(BIN)/python -m tools.strategy_pictures docs/images

docs: $(VENV)/.dev ## Build the pages into build/site, without network
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir build/site

picture: ## Draw the picture of the switch anew from the last `make demo`
	$(BIN)/python -m tools.switch_picture build/demo/report.json docs/images

clean: ## Remove everything that was built, the virtual environment too
	rm -rf build dist $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; say which with: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Setting up $(VENV) (once, about a minute)"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[local,client,models]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.demo

.PHONY: help demo steady models test fuzz bench policy scale e2e images check format generate docs picture clean
