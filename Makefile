# 随查 Suicha. Needs Python >= 3.11 and make; everything else is set up here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
T ?= tests
JOBS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); [ $$n -le 4 ] || n=4; expr $$n + 1)

.PHONY: help run test check fix demo scheduler shell bench mutants soak e2e migration lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/run.stamp: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Suicha needs Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing what Suicha needs (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@printf '#!/bin/sh\nexec "%s" -P "%s" "$$@"\n' "$(CURDIR)/$(BIN)/python" "$(CURDIR)/wsgi.py" > $(BIN)/suicha
	@printf '%s\n' "$(CURDIR)" > $$($(BIN)/python -c 'import site; print(site.getsitepackages()[0])')/suicha.pth
	@chmod +x $(BIN)/suicha
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	@echo "installing what the tests need (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: $(VENV)/run.stamp ## fresh clone -> served demo district
	@exec $(BIN)/python -m app.launcher

demo: $(VENV)/run.stamp ## load the demo district
	@$(BIN)/suicha db upgrade && $(BIN)/suicha init && $(BIN)/suicha demo

scheduler: $(VENV)/run.stamp ## run the timetable
	@exec $(BIN)/suicha scheduler run

shell: $(VENV)/run.stamp ## Python with the application's context
	@$(BIN)/suicha shell

test: $(VENV)/dev.stamp ## whole suite, both databases; T=tests/sync narrows it
	@$(BIN)/python -m pytest $(T) -q -n $(JOBS) --dist loadgroup

check: $(VENV)/dev.stamp ## format, lint, imports, types, migrations
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy
	@$(BIN)/python -m tests.check_migrations
	@! grep -nE 'https?:' requirements.lock requirements-dev.lock bench/requirements.lock

fix: $(VENV)/dev.stamp ## format, safe fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/dev.stamp ## every benchmark beside its peer
	@$(BIN)/python bench/run.py

mutants: $(VENV)/dev.stamp ## break lines of the draw's rules: noticed? SEED=7 repeats, F=FILE
	@$(BIN)/python -m tests.mutants $(if $(SEED),--seed $(SEED)) $(F)

soak: $(VENV)/dev.stamp ## long walk of the sync model; SEED=7 repeats
	@$(BIN)/python -m tests.sync.model --steps $(or $(STEPS),10000) $(if $(SEED),--seed $(SEED)) $(if $(DATABASE),--database $(DATABASE))

migration: $(VENV)/dev.stamp ## M="add unit boundary"
	@$(BIN)/suicha db revision --autogenerate -m "$(M)"

lock: ## renew the lock files (needs uv)
	uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --extra dev -c requirements.lock --universal --generate-hashes --no-emit-index-url --no-header -q -o requirements-dev.lock
	uv pip compile bench/requirements.in --universal --generate-hashes --no-emit-index-url --no-header -q -o bench/requirements.lock
	cd bench && npm install --package-lock-only

clean: ## remove the environment and caches, never data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
