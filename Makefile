# synccenter: `make demo` runs everything, `make test` checks everything.

PYTHON ?= python3
PORT ?= 8000
# The real path: a link into a private folder would be closed to PostgreSQL's user.
RUN = $$(realpath .venv)/bin/python
# Those we may use, which can be fewer than the machine has; where nproc is missing, all.
CORES = $$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)

.PHONY: demo test lint unit browser format environment development pins clean help \
	bench-ingest bench-pages bench-sync bench-dispatch bench-interpret bench-tick \
	bench-backtest bench-rehearsal bench-actions bench-alerts

help:
	@echo "make demo     everything set up and running on 127.0.0.1:$(PORT)   (PORT=8001 for another)"
	@echo "make test     everything a developer must pass: lint, tests, browser"
	@echo "make clean    remove the environment, the data and everything else that was made"
	@echo "make bench-ingest | bench-pages | bench-sync | bench-dispatch | bench-interpret | bench-tick \
		| bench-backtest | bench-rehearsal | bench-actions | bench-alerts"

environment:
	@$(PYTHON) deploy/environment.py

development:
	@$(PYTHON) deploy/environment.py --group dev

demo: environment
	@exec $(RUN) manage.py demo --port $(PORT)

lint: development
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	PYTHONPATH=. $$(realpath .venv)/bin/lint-imports
	$(RUN) manage.py makemigrations --check --dry-run

# Tests of whole services measure time, so they have the machine to themselves.
unit: development
	$(RUN) -m pytest --ignore=tests/browser -m "not processes" -n $(CORES) --dist worksteal
	$(RUN) -m pytest --ignore=tests/browser -m processes

# A process of its own: the browser's client keeps an event loop, which Django's ORM refuses beside.
browser: development
	$(RUN) -m pytest tests/browser

test: lint unit browser

format: development
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

bench-ingest bench-pages bench-sync bench-dispatch bench-interpret bench-tick bench-backtest \
	bench-rehearsal bench-actions bench-alerts: development
	$(RUN) -m bench.$(subst bench-,,$@)

# After a change of dependencies in pyproject.toml.
pins: development
	$(RUN) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header pyproject.toml --output-file requirements/base.txt
	$(RUN) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header pyproject.toml --group dev --output-file requirements/dev.txt

clean:
	@$(PYTHON) deploy/clean.py
