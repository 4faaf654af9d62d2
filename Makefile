# Everything runs from .venv, made from the lock files; only Python 3.11+ and make are needed beforehand.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test test-peers crash check setup format lock audit clean

demo: $(READY)  ## the main job on a simulated AWS estate, no account needed
	$(BIN)/watchtower demo --once

test: $(READY)  ## every test that needs nothing but Python
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder   # much of it waits: four share two cores

test-peers: $(READY)  ## tests against Debian's prometheus and amtool (installs what is missing)
	bash tests/peers.sh
	$(BIN)/pytest -m peers

crash: $(READY)  ## the crash matrix: a thousand runs of a daemon that is killed and paused, RUNS=100 for fewer
	$(BIN)/python -m tests.support.crash_matrix --runs $(or $(RUNS),1000) --first $(or $(FIRST),0) --seed $(or $(SEED),1) --jobs $(or $(JOBS),3) --report crash-report

check: $(READY)  ## ruff, mypy strict (tests included), hadolint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/hadolint docker/Dockerfile

setup: $(READY)  ## .venv/bin/watchtower, and everything else

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(READY)  ## resolve anew; the lock files carry hashes
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes pyproject.toml -o locks/runtime.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --extra dev pyproject.toml locks/tools.in -c locks/runtime.txt -o locks/dev.txt

audit: $(READY)  ## known vulnerabilities in what we ship
	$(BIN)/pip-audit --require-hashes --disable-pip -r locks/runtime.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache

$(READY): locks/dev.txt locks/tools.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Watchtower needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; try make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --require-hashes -r locks/tools.txt
	$(BIN)/uv pip sync -q --compile-bytecode --require-hashes locks/dev.txt
	$(BIN)/uv pip install -q --no-deps --no-build-isolation -e .
	touch $@
