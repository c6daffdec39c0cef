# The first two targets do all their own set-up.
.PHONY: demo test chaos lint bench
PY := .venv/bin/python

demo: .venv/ready
	@exec $(PY) -m bot demo $(ARGS)

test: .venv/ready
	$(PY) -m pytest -n 3 --dist worksteal -m 'not real' $(ARGS)
	$(PY) -m pytest -m real $(ARGS)   # a real control plane keeps real time: nothing beside it

chaos: .venv/ready   # an hour or two: every crash point, the whole storm
	CHAOS=full $(PY) -m pytest -s tests/chaos $(ARGS)

lint: .venv/ready
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: .venv/ready
	@$(PY) -m tests.bench $(B)

.venv/ready: requirements/dev.txt
	@echo "Setting up .venv (once; 1.5 GB, a minute or two) …"
	@python3 -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
