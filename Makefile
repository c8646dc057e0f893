# Two commands are enough: `make demo` and `make test`. Everything they need goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 4318
READY := $(VENV)/.ready
WORKERS ?= 4
BROWSERS ?= 3
MATRIX_WORKERS ?= 3

# Hundreds of processes start in a run, and not one should compile anew what is in these files.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test collected test-sdk test-server test-browser matrix matrix-ci lint bench bench-store compile screenshots clean

demo: $(READY)
	@$(BIN)/spanwise demo --port $(PORT)

# Tests of the SDK by themselves, in one process: they import every client, which takes longer than most of them, and
# which no other test needs. Browsers and server processes in others too: Playwright keeps an event loop running, beside
# which no other test could run one; whole files go round, those with the longest tests first.
test: test-sdk test-server test-browser

test-sdk: $(READY)
	@SPANWISE_STRICT=1 $(BIN)/python -m pytest -q tests/sdk $(ARGS)

test-server: $(READY)
	@SPANWISE_STRICT=1 $(BIN)/python -m pytest -q -n $(WORKERS) --ignore tests/sdk --ignore tests/browser --ignore tests/e2e \
		--ignore tests/matrix tests $(ARGS)

test-browser: $(READY)
	@SPANWISE_STRICT=1 $(BIN)/python -m pytest -q -n $(BROWSERS) --dist loadfile --no-loadscope-reorder \
		-m "browser or e2e" tests/e2e tests/browser $(ARGS)

# Look for all tests and run none, which loads all that they need. Those of the SDK run in one process, which waits for
# nothing of the others'.
collected: $(READY)
	@$(BIN)/python -m pytest -q --collect-only --ignore tests/sdk tests >/dev/null

# Every client and framework at its oldest supported and its newest version, each in an environment of its own.
matrix: $(READY)
	@PYTHONPATH=examples:tests $(BIN)/python -m matrix --make $(NAMES)
	@SPANWISE_STRICT=1 MATRIX_WORKERS=$(MATRIX_WORKERS) $(BIN)/python -m pytest -q -m matrix tests/matrix $(ARGS)

# The one group of it whose turn it is: by the number of changes, so that each tests the next one, or as GROUP says.
# A shallow clone cannot count them, and goes by the time of the last.
GROUP ?= $(or $(shell test -f .git/shallow && git log -1 --format=%ct || git rev-list --count HEAD),0)
matrix-ci: $(READY)
	@PYTHONPATH=examples:tests $(BIN)/python -m matrix --make --group $(GROUP)
	@SPANWISE_STRICT=1 MATRIX_WORKERS=$(MATRIX_WORKERS) MATRIX_GROUP=$(GROUP) \
		$(BIN)/python -m pytest -q -m matrix tests/matrix $(ARGS)

lint: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

# The hot modules in machine code, where there is a C compiler; without, everything works, and ingest is slower.
compile: $(READY)
	-@$(BIN)/python -m spanwise_server.compiling

bench: compile
	@missed=0; for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || missed=1; done; exit $$missed

# SIZE=10m for ten million narrow spans; ENGINE names another store by its URL; FOLDER keeps the store for the next run.
bench-store: compile
	@$(BIN)/python benchmarks/bench_store.py --size $(or $(SIZE),1m) $(if $(ENGINE),--store $(ENGINE)) $(if $(FOLDER),--folder $(FOLDER))

screenshots: $(READY)
	@PYTHONPATH=tests $(BIN)/python -m browser.screenshots screenshots $(NAMES)

clean:
	rm -rf $(VENV) server/spanwise_server/_compiled .mypy_cache .ruff_cache .pytest_cache .demo .matrix dist build

# uv takes a tenth of pip's time; where it finds no index (it reads none of pip's settings) pip does it.
$(READY): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv && \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --editable ".[demo]" --group dev || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[demo]" --group dev
	@touch $@
