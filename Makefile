# Strongroom. Each target does its whole set-up when needed and is quick when it is not.
#
#   make run     the server, a worker and the scheduler on http://localhost:$(PORT)
#   make demo    the main job once, without a server: export, decrypt with openssl, compare every row
#   make test    the tests          (ARGS="-k seal -x" goes to pytest)
#   make check   form, types, floors, migrations, settings, OpenAPI
#   make bench   how fast, against peers   (BENCH=name runs one)
#   make lock    solve pyproject.toml again into the lock files
#   make clean   remove what make made, but for DATA
#
# DATA names the folder for everything that is kept, PORT and HOST where the server listens, PYTHON which Python to use.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
DEMO_ROWS ?= 100000
DATA ?= var
JOBS ?= auto
ARGS ?=
override DATA := $(abspath $(DATA))
export DATA HOST PORT
export PYTHONUNBUFFERED := 1
unexport PYTHONDONTWRITEBYTECODE  # or every process compiles what it imports: a second each

VENV := .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
# Copies of the lock files say what is installed.
INSTALLED := $(VENV)/requirements.lock
PEERS := $(VENV)/peers.lock
# sly, the parser of odata-query, is published as source only; it is Python alone.
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --only-binary :all: --no-binary sly --require-hashes
UV := $(VENV)/uv/bin/uv
PACKAGES := accounts config exports retention tests

.PHONY: run demo test check bench lock clean
.DELETE_ON_ERROR:

run: $(INSTALLED)
	@$(MANAGE) prepare --listen $(HOST):$(PORT)
	@exec $(BIN)/python -m config.supervise

demo: export DATA := $(DATA)/demo-run
demo: $(INSTALLED)
	@rm -rf "$$DATA"
	@$(MANAGE) demo --rows $(DEMO_ROWS)

test: $(INSTALLED)
	@$(BIN)/python -m pytest -n $(JOBS) $(ARGS)
	@$(if $(ARGS),,$(BIN)/python -m tests.own_database -n $(JOBS))

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MANAGE) makemigrations --check --dry-run
	$(MANAGE) check --fail-level WARNING
	@echo '$(MANAGE) check --deploy (production settings)'
	@$(PRODUCTION) $(MANAGE) check --deploy --fail-level WARNING
	$(MANAGE) documents $(VENV)/openapi

# What a production server must be given, with secrets made up for the occasion.
PRODUCTION = STRONGROOM_MODE=production STRONGROOM_ALLOWED_HOSTS=strongroom.example.org \
	STRONGROOM_SECRET_KEY="$$(openssl rand -base64 48)" STRONGROOM_ENCRYPTION_KEYS="$$(openssl rand -hex 32)" \
	STRONGROOM_DATABASE_URL=postgres://strongroom:none@localhost/strongroom

bench: $(INSTALLED) $(PEERS)
	@$(BIN)/python -m tests.bench $(BENCH)

$(INSTALLED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Strongroom needs Python 3.11 or newer; name one: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@if cmp -s $< $@; then touch $@; else \
		echo "Installing into $(VENV) (a minute or two, only when requirements.lock has changed)…" && \
		$(PYTHON) -m venv --clear $(VENV) && $(PIP) -r $< && cp $< $@; fi

$(PEERS): tests/bench/requirements.lock $(INSTALLED)
	@if cmp -s $< $@; then touch $@; else echo "Installing the benchmark's peers…" && $(PIP) -r $< && cp $< $@; fi

# The locks hold for every platform. The peers are solved within the bounds of the first lock, so that both fit one environment.
LOCK := pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-emit-index-url --no-annotate --no-header

lock: $(UV)
	@$(UV) $(LOCK) --group pyproject.toml:dev pyproject.toml $(ARGS) --output-file requirements.lock
	@sed -i '1i # Every package that Strongroom runs, is tested and is checked with, by version and hash. Made by `make lock`; do not edit.' requirements.lock
	@$(UV) $(LOCK) --group pyproject.toml:bench --constraint requirements.lock $(ARGS) --output-file tests/bench/requirements.lock
	@sed -i '1i # What `make bench` compares Strongroom with. Made by `make lock`; do not edit.' tests/bench/requirements.lock

$(UV):
	@$(PYTHON) -m venv $(VENV)/uv && $(VENV)/uv/bin/python -m pip install --quiet --disable-pip-version-check uv

clean:
	rm -rf $(VENV) .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
