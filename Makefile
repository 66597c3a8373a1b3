# `make help` lists the commands. Every one sets up what it needs first; set-up is done once.
PYTHON ?= python3.11
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup qlib pools demo up down check docs test test-failed test-durations test-compose images compose-env chaos lint bench \
  replay answers picture clean lock

# Values given on the command line reach the program through the environment alone, as they were typed: never through
# a shell line, and not expanded by make either.
PARAMETERS := T PART DROPS SESSION SIGNAL SYMBOLS SESSIONS PROFILE RUNS SEED
$(foreach name,$(PARAMETERS),$(if $(filter undefined,$(origin $(name))),,\
  $(eval override $(name) := $$(value $(name)))$(eval export $(name))))
# Without compiled modules every test session, driver and worker compiles everything anew.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE

export AFTERBELL_ENV ?= $(CURDIR)/.afterbell/env
ENV := $$AFTERBELL_ENV
SPARK := "$(ENV)/spark/bin/python"
QLIB := "$(ENV)/qlib/bin/python"
TOOLS := $(ENV)/tools/bin
COMPOSE_TESTS := tests/compose
COMPOSE = $(if $(shell docker compose version 2>/dev/null),docker compose,docker-compose)
IMAGES := airflow spark notebook hdfs s3 postgres prometheus statsd

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup:  ## make the environments, find Java, fetch the jars (needs Python 3.11; about two minutes, once)
	@command -v "$(PYTHON)" >/dev/null || { echo "setup: $(PYTHON) was not found. Install Python 3.11 \
	(Debian, Ubuntu: python3.11 and python3.11-venv), or name it: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" include/setup/bootstrap.py

qlib:  # what features are compared with has an environment of its own, which nothing else needs
	@"$(PYTHON)" include/setup/bootstrap.py --qlib

pools:  # so have joblib and Celery, which the fan-out of fits is compared with
	@"$(PYTHON)" include/setup/bootstrap.py --pools

demo: setup  ## run the whole pipeline once (DROPS=folder SESSION=2016-06-30, or SIGNAL= SYMBOLS= SESSIONS=)
	@./afterbell demo

up: setup  ## start S3, HDFS and Airflow, and print the address and the login
	@./afterbell up

down:  ## stop everything that `make up` started
	@./afterbell down

test: setup  ## run every test, or those of T=path[::name], a file or folder
	@$(SPARK) -m tests.suite all

check: setup  ## lint, and run every test that needs no service: before each commit
	@$(SPARK) -m tests.suite check

test-failed: setup  ## run again what failed last
	@$(SPARK) -m tests.suite failed

test-durations: setup  # what the last whole run took is written into tests/durations.tsv: see CONTRIBUTING.md
	@$(SPARK) -m tests.suite durations

test-compose: setup  ## start the whole cluster in containers, run a day in it and break it (skips without Docker)
	@$(SPARK) -m pytest --durations 10 $(COMPOSE_TESTS)

compose-env:  ## make the secrets of docker-compose.yaml, in .env
	@"$(PYTHON)" include/containers/compose_env.py

images: compose-env  ## build the images of docker-compose.yaml, and print their sizes
	@AFTERBELL_BASE="$$("$(PYTHON)" include/containers/base_image.py)" && export AFTERBELL_BASE \
	&& $(COMPOSE) --profile notebook --profile monitoring build
	@for name in $(IMAGES); do \
	docker image inspect --format "$$name {{.Size}}" "$${AFTERBELL_IMAGES:-afterbell}/$$name:$${AFTERBELL_VERSION:-local}"; done \
	| awk '{printf "%-12s %6.0f MB\n", $$1, $$2 / 1e6}'

docs:  ## build the documentation as a site, in build/docs
	@command -v "$(PYTHON)" >/dev/null || { echo "docs: $(PYTHON) was not found: install Python 3.11" >&2; exit 1; }
	@"$(PYTHON)" include/setup/bootstrap.py --docs
	@NO_MKDOCS_2_WARNING=1 "$(ENV)/docs/bin/python" -m mkdocs build --quiet
	@echo "build/docs/index.html is the first page; with search: $(PYTHON) -m http.server --bind 127.0.0.1 -d build/docs"

chaos: setup  ## kill Airflow's processes at random during daily runs (RUNS=10 SEED=1), and look at what is left
	@$(SPARK) -m tests.chaos.scenario

picture: setup  ## take the README's picture of the page Tonight, of the Airflow that `make up` started (needs chromium)
	@$(SPARK) -m tests.picture

lint: setup  ## check style, format, words, types and import contracts
	@$(SPARK) -m tests.suite lint

bench: setup qlib pools  ## measure, each figure a ratio within one run (PART=: a name in bench/__main__.py)
	@$(SPARK) -m bench

replay: setup  ## ingest DROPS=folder at once and session by session (up to SESSION=), and compare the tables
	@$(SPARK) -m bench.replay

answers: qlib  ## compute the frozen answers of the tests anew with Qlib (for maintainers: review what changed)
	@$(QLIB) -m bench.qlib.answers

clean:  ## stop the services and remove data and caches; the environments stay
	@if [ -x $(SPARK) ]; then ./afterbell down; fi
	@if [ -n "$$AFTERBELL_HOME" ]; then echo "$$AFTERBELL_HOME is yours: remove it yourself"; fi
	@rm -rf .afterbell/var .afterbell/current .pytest_cache .mypy_cache .ruff_cache .import_linter_cache \
	  spark-warehouse metastore_db derby.log build dist include/afterbell.egg-info
	@find include dags plugins spark_jobs tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

lock: setup  ## resolve all packages and jars anew (for maintainers: review what changed)
	@for name in requirements requirements-spark requirements-test requirements-server requirements-notebook \
	requirements-qlib requirements-pools requirements-docs requirements-dev; do \
	"$(TOOLS)/uv" pip compile -q --system-certs --generate-hashes --no-header --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links "$$name.in" -o "$$name.txt" || exit 1; done
	@"$(PYTHON)" include/setup/bootstrap.py --lock-jars
