# `make` alone lists what there is to do. Everything runs from .venv, which `setup` makes and keeps right.

PYTHON ?= python3

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help serve setup setup-dev test lint types tests test-on clients format prove audit bench bench-long bench-storage bench-check lock
MAKEFLAGS += --no-print-directory
# What the caller's shell has there would be imported in place of what the lock names.
unexport PYTHONPATH PYTHONHOME
# Each test process would compile all modules anew, which takes five seconds.
unexport PYTHONDONTWRITEBYTECODE

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' Makefile | tr '|' '\t' | expand -t 16

serve: setup ## start Chairside with a demo practice on http://127.0.0.1:8400
	@exec .venv/bin/chairside serve --demo

setup: ## install what the server needs into .venv; does nothing when nothing changed
	@exec sh -c "$$SETUP" setup run $(filter setup,$(MAKECMDGOALS))

setup-dev:
	@exec sh -c "$$SETUP" setup dev

test: lint types tests ## lint, types and all tests

lint: setup-dev ## the linter and the formatter's check
	@echo "Lint: ruff check"
	@.venv/bin/ruff check
	@echo "Lint: ruff format --check"
	@.venv/bin/ruff format --check

types: setup-dev ## the type checker
	@echo "Types: mypy --strict"
	@.venv/bin/mypy

# Three workers, each with a PostgreSQL of its own, on two cores: many tests wait for servers to start and to stop. All
# tests of one file go to one worker, so each file's setup is made once. Files, and the tests within a file, run in an
# order drawn from SEED; hypothesis draws from it too. Files with servers of their own run first (tests/conftest.py).
ifndef SEED
SEED := $(shell od -An -N3 -tu4 /dev/urandom | tr -d ' ')
endif
# ONLY="tests/rest/test_openapi.py -k valid" for a part, PYTEST="--durations=20" for more of pytest's options.
ONLY ?=
PYTEST ?=
SHUFFLED = --randomly-seed=$(SEED) --hypothesis-seed=$(SEED)
WORKERS = -n 3 --dist loadscope --no-loadscope-reorder
tests: setup-dev ## the tests alone, in an order drawn from SEED (SEED=n repeats one, ONLY=tests/... runs a part)
	@echo "Tests: pytest (this order again: make tests SEED=$(SEED))"
	@.venv/bin/python -m pytest $(WORKERS) $(SHUFFLED) $(PYTEST) $(ONLY)

# What a server promises, on another release of PostgreSQL; what is about the embedded one is left out.
PROMISES = tests/contract tests/patients tests/chart tests/people tests/journeys tests/cli/test_backups_elsewhere.py
test-on: setup-dev ## the promises on another PostgreSQL (BIN=folder of its programs)
	@POSTGRES_BIN="$(BIN)" .venv/bin/python -m pytest $(WORKERS) $(SHUFFLED) $(PYTEST) $(PROMISES)

# Without them the tests of a generated TypeScript client are skipped, with one line that says so.
clients: ## install the npm packages that a test generates a TypeScript client with (needs node and npm)
	@echo "Clients: npm ci"
	@npm ci --prefix tests/clients --no-audit --no-fund --loglevel=error

format: setup-dev ## rewrite the sources in the formatter's style
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format

# PROVE=--long for the long form, PROVE="crash --rounds 30 --seed 7" for one of them.
PROVE ?=
prove: setup-dev ## try every promise against a real server, in the short form
	@.venv/bin/python -m proofs $(PROVE)

# The packages are looked up one by one; --strict, for one that could not be looked up is not one that is good.
audit: setup-dev ## known flaws of dependencies (needs the network), bandit, a search for secrets
	@echo "Audit: pip-audit"
	@for file in requirements.lock requirements-dev.lock; do \
		.venv/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r $$file || { \
		echo "The audit of $$file did not pass: a flaw is named above, or the advisories could not be fetched."; exit 1; }; \
	done
	@echo "Audit: bandit"
	@.venv/bin/bandit --quiet --configfile pyproject.toml --recursive src proofs bench
	@echo "Audit: detect-secrets"
	@git ls-files -z | xargs -0 .venv/bin/detect-secrets-hook --no-verify --baseline .secrets.baseline

bench: setup-dev ## compare the server with pgbench on the same database (about a minute)
	@.venv/bin/python -m bench

# The page, its plots and its figures; LONG="--only typeahead --sizes 1000000" for a part, into files of your own.
LONG ?= --write docs/performance.md
bench-long: setup-dev ## measure everything at all sizes, write docs/performance.md (half an hour once orgs are made)
	@.venv/bin/python -m bench --long $(LONG)

bench-storage: setup-dev ## measure the bytes of database that a request leaves (two minutes)
	@.venv/bin/python -m bench.storage

bench-check: setup-dev ## compare ratios with bench/baseline.json within a wide margin (two minutes)
	@.venv/bin/python -m bench.check

# Keeps what is pinned; `make lock LOCK=--upgrade` takes the newest of everything.
LOCK ?=
COMPILE = .venv/bin/uv pip compile pyproject.toml --group build --universal --python-version 3.11 \
	--generate-hashes --annotation-style line --custom-compile-command "make lock" --quiet $(LOCK)
lock: setup-dev ## write both lock files anew from pyproject.toml
	@$(COMPILE) --output-file requirements.lock
	@$(COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock
	@! grep -nE '://|^ *-(i|f|-index|-extra-index|-find-links)' requirements.lock requirements-dev.lock

# .venv/made-from holds a copy of each file .venv was made from. Contents are compared, not times, which a
# clone or a checkout changes. .venv/unfinished stands while packages are being written: found at the start,
# it tells of a setup that was cut off, and .venv is made anew.
define SETUP_SCRIPT
set -eu
umask 022 # started by root, the database runs as another user, who must be able to read its binaries
wanted=$1 asked=${2:-}

same() { cmp -s "$1" ".venv/made-from/$1"; }
keep() { cp "$1" ".venv/made-from/$1"; }

sound() {
    [ ! -e .venv/unfinished ] && same requirements.lock &&
        [ "$(cat .venv/made-from/folder 2>/dev/null)" = "$(pwd -P)" ] &&
        .venv/bin/python -I -c 'import pip' 2>/dev/null
}

complete() {
    sound && same pyproject.toml && { [ "$wanted" = run ] || same requirements-dev.lock; }
}

stop() { printf '%s\n' "$@" >&2; exit 1; }

check_python() {
    command -v "$PYTHON" >/dev/null || stop "Chairside needs Python 3.11 or newer; there is no $PYTHON here." \
        "If it has another name: make setup PYTHON=python3.12"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || stop \
        "Chairside needs Python 3.11 or newer; $PYTHON is $("$PYTHON" -V 2>&1)." \
        "If there is a newer one under another name: make setup PYTHON=python3.12"
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || stop \
        "$PYTHON comes without its venv and ensurepip modules, which make .venv." \
        "On Debian and Ubuntu they are in a package of their own: apt install python3-venv"
}

# Says the line given first and runs the rest, whose output is shown only if it fails. Dots on a terminal.
step() {
    printf '%s' "$1"; shift
    dots=
    if [ -t 1 ]; then
        while sleep 1 && kill -0 $$; do printf .; done 2>/dev/null 9<&- &
        dots=$!
    fi
    failed=; output=$("$@" 2>&1) || failed=yes
    [ -z "$dots" ] || kill "$dots" 2>/dev/null || :
    echo
    [ -z "$failed" ] || stop "$output" "" "Setup did not finish: the reason is above. Run it again once that is mended."
}

# --only-binary: a compiler is not asked of anybody. PIP_USER: in .venv, whatever the user's pip settings say.
install() { PIP_USER=0 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -I -m pip install --no-deps "$@"; }
packages() { install --require-hashes --only-binary :all: -r "$1"; }
project() { install --no-index --no-build-isolation --editable .; }

make_venv() {
    check_python
    echo "Installing Chairside into .venv (once, about a minute)"
    step "  a virtual environment" "$PYTHON" -m venv --clear .venv
    mkdir .venv/made-from
    : >.venv/unfinished
    step "  the packages of requirements.lock" packages requirements.lock
    keep requirements.lock
    pwd -P >.venv/made-from/folder
}

if complete; then
    [ -z "$asked" ] || echo "Chairside is installed in .venv and nothing has changed."
    exit 0
fi

# Of two runs at once the second waits. pip inherits the lock, so one left running by a killed make counts too.
exec 9<Makefile
if command -v flock >/dev/null && ! flock -n 9; then
    echo "Waiting for another setup in this folder"
    flock 9
fi

sound || make_venv
: >.venv/unfinished
if ! same pyproject.toml; then
    step "Linking Chairside into .venv" project
    keep pyproject.toml
fi
if [ "$wanted" = dev ] && ! same requirements-dev.lock; then
    step "Installing the test tools into .venv (once, about half a minute)" packages requirements-dev.lock
    keep requirements-dev.lock
fi
rm .venv/unfinished
endef

setup setup-dev: export SETUP := $(value SETUP_SCRIPT)
setup setup-dev: export PYTHON := $(PYTHON)
