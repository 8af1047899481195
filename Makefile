# Everything that one does here.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
PYTHON ?= python3
STAMP := .venv/.installed-$(shell cksum requirements.lock | cut -d' ' -f1)

.PHONY: help run demo test quick bench lint types deployable lock install browser-tools page-tools bundle clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: install bundle ## everything on this machine, until Ctrl-C; HOST=, PORT=, SERVER=daphne|uvicorn choose
	@$(PY) manage.py run

demo: install bundle ## the same, with 40 simulated people around a point
	@$(PY) manage.py run --people 40

test: ## lint, types, migrations, deployment check, all tests
	$(MAKE) --no-print-directory -j3 install browser-tools page-tools
	$(MAKE) --no-print-directory -j2 --output-sync lint types deployable
	$(PY) -m pytest -n 2 --dist loadgroup --ignore=tests/browser
	$(PY) -m pytest -n 2 --dist loadgroup tests/browser # apart: Playwright keeps an event loop running in its process

quick: install ## the unit tests that need no database, browser or server of another kind
	$(PY) -m pytest -q -n 2 tests/signals tests/monitoring -m "not django_db and not browser and not postgres and not redis and not node"

bench: install ## what we measure, as a table
	$(PY) -m bench

lint: install
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: install
	DEBUG=1 SECRET_KEY=types .venv/bin/mypy

deployable: install
	bin/check-django

LOCK := .venv/bin/uv pip compile --universal --generate-hashes --no-header --no-annotate -q -p 3.11
lock: install ## write requirements.lock anew, and from it what the service alone needs
	$(LOCK) requirements-dev.txt -o requirements.lock
	$(LOCK) requirements.txt -c requirements.lock -o requirements-run.lock

install: $(STAMP)
$(STAMP): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("Icebreaker needs Python 3.11 or newer.") if sys.version_info < (3, 11) else None'
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@rm -f .venv/.installed-* && touch $@

page-tools: install ## bundle the error SDK of the page, and its accessibility checker (npm)
	@bin/page-tools

bundle: install # the same as far as it goes: the page works without it
	@bin/page-tools || echo "NOTE: the error SDK of the page was not bundled; errors in browsers will not be seen." >&2

browser-tools:
	@bin/browser-tools

clean: ## remove what was built and the local data
	rm -rf .venv var build node_modules static-root
