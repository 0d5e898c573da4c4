# The project's commands. `make help` lists them. Needs make and any Python 3; everything else is fetched.
.DEFAULT_GOAL := help
SHELL := /bin/sh

UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .tools/uv/bin/uv)
HUB := .venv/bin/python
BOT := bot/.venv/bin/python

.PHONY: help install run test bench check format train migrate lock clean

help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

.tools/uv/bin/uv:
	@echo "Fetching uv ..."
	@python3 -m venv .tools/uv 2>/dev/null || python3 -m venv --without-pip .tools/uv
	@.tools/uv/bin/python -m pip --version >/dev/null 2>&1 \
		&& .tools/uv/bin/python -m pip install --quiet uv==$(UV_VERSION) \
		|| python3 -m pip install --quiet --target .tools/uv/lib-uv uv==$(UV_VERSION)
	@test -x .tools/uv/bin/uv || ln -sf ../lib-uv/bin/uv .tools/uv/bin/uv

.venv/installed: requirements-dev.lock $(filter .tools/%,$(UV))
	@echo "Installing the hub (Python 3.12 or newer) ..."
	@test -x $(HUB) || $(UV) venv --quiet --python '>=3.12,<3.14' .venv
	@$(UV) pip sync --quiet --require-hashes --python $(HUB) requirements-dev.lock
	@printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s/.venv/bin/python" -P -m cli "$$@"\n' "$(CURDIR)" "$(CURDIR)" > .venv/bin/icchub
	@chmod +x .venv/bin/icchub
	@touch $@

bot/.venv/installed: bot/requirements-dev.lock $(filter .tools/%,$(UV))
	@echo "Installing the assistant (Python 3.10) ..."
	@test -x $(BOT) || $(UV) venv --quiet --python 3.10 bot/.venv
	@$(UV) pip sync --quiet --require-hashes --python $(BOT) bot/requirements-dev.lock
	@touch $@

install: .venv/installed bot/.venv/installed ## Install both environments from their lock files

run: install ## Start the whole hub; Ctrl-C ends it
	@exec $(HUB) -m cli serve

# Journeys run by themselves: the browser driver keeps an event loop of its own until the end. Those without a browser run
# beside the others, since all of them wait more than they work. A training comes first, alone: it would starve beside them.
WITHOUT_BROWSER := tests/journeys/assistant tests/journeys/test_killed_intakes.py
test: install ## Run every test
	@$(HUB) -m pytest --ignore tests/journeys --numprocesses auto --maxprocesses 4
	@$(HUB) -m cli train
	@$(HUB) -m pytest -p no:cacheprovider $(WITHOUT_BROWSER) & beside=$$!; \
		$(HUB) -m pytest tests/journeys $(addprefix --ignore ,$(WITHOUT_BROWSER)); status=$$?; \
		wait $$beside && exit $$status
	@cd bot && .venv/bin/python -m pytest -q

bench: install ## Run the benchmarks, each beside its baseline
	@$(HUB) -m benchmarks

check: install ## Linter, formatter, types, import directions
	@$(HUB) -m ruff check .
	@$(HUB) -m ruff format --check .
	@$(HUB) -m mypy
	@.venv/bin/lint-imports
	@cd bot && .venv/bin/python -m mypy

format: install ## Format the code
	@$(HUB) -m ruff check --fix .
	@$(HUB) -m ruff format .

train: install ## Train the assistant if its data changed
	@$(HUB) -m cli train

migrate: install ## Bring the database up to date
	@$(HUB) -m cli migrate

lock: ## Renew the hub's lock files after a change of pyproject.toml
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header --python-version 3.12 pyproject.toml \
		--excludes excludes.txt --output-file requirements.lock
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header --python-version 3.12 pyproject.toml --group dev \
		--excludes excludes.txt --output-file requirements-dev.lock

clean: ## Remove environments, models and caches (never the data folder)
	@rm -rf .venv bot/.venv bot/models .tools .mypy_cache .ruff_cache .pytest_cache bot/.mypy_cache bot/.pytest_cache
