# Fairday. `make demo` sets up and runs the main job; `make test` sets up and passes the tests.
.PHONY: demo serve test lint bench clean
SERVE ?= 1
WORKERS ?= 2
PY = .venv/bin/python

demo:            ## a real retailer's year goes in, a scene runs, a report says what it brought
	@bash scripts/setup.sh base charts demo
	@$(PY) -m fairday.demo $(if $(filter 0,$(SERVE)),--no-serve,)

serve:           ## the demo's shops again, as they stand
	@$(PY) -m fairday.demo --again

test:            ## the whole suite, on SQLite and PostgreSQL
	@bash scripts/setup.sh test demo
	@bash scripts/parts.sh
	@$(PY) scripts/compile.py
	@$(PY) -m ruff check src tests benchmarks scripts
	@$(PY) -m mypy
	@PATH="$(CURDIR)/.venv/bin:$$PATH" lint-imports --no-cache
	@$(PY) -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

lint:            ## format, then check
	@bash scripts/setup.sh test demo
	@$(PY) -m ruff format src tests benchmarks scripts
	@$(PY) -m ruff check --fix src tests benchmarks scripts
	@$(PY) -m mypy
	@PATH="$(CURDIR)/.venv/bin:$$PATH" lint-imports --no-cache

bench:           ## every benchmark, us and the peer side by side
	@bash scripts/setup.sh test demo
	@bash scripts/parts.sh
	@$(PY) scripts/compile.py
	@lost=; for b in benchmarks/*/__main__.py; do b=$$(basename $$(dirname $$b)); echo "== $$b"; \
	  $(PY) -m benchmarks.$$b || lost="$$lost $$b"; done; [ -z "$$lost" ] || { echo "lost:$$lost"; exit 1; }

clean:
	rm -rf .venv .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
