# The first two targets do all their own set-up.
.PHONY: demo test test-images chaos lint bench image
PY := .venv/bin/python

# docker, podman or buildah, whichever works here.  BUILD_ARGS go to it, PREFIX before the images' names.
ENGINE ?= $(firstword $(foreach engine,docker podman buildah,$(if $(shell $(engine) info 2>/dev/null),$(engine))))
PREFIX ?= ghcr.io/callboard
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)-g$(shell git describe --always --dirty --exclude '*' 2>/dev/null)

demo: .venv/ready
	@exec $(PY) -m bot demo $(ARGS)

test: .venv/ready
	$(PY) -m pytest -n 3 --dist worksteal -m 'not real and not images' $(ARGS)
	$(PY) -m pytest -m real $(ARGS)   # a real control plane keeps real time: nothing beside it

test-images: .venv/ready   # after `make image`
	IMAGES=$(PREFIX) TAG=$(VERSION) $(PY) -m pytest -m images tests/contract/test_images.py $(ARGS)

image:
	@test -n "$(ENGINE)" || { echo "None of docker, podman and buildah works here: install one, or say ENGINE=…"; exit 1; }
	@for target in model-server bot; do \
	  $(ENGINE) build $(BUILD_ARGS) --target $$target --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) \
	    --tag $(PREFIX)/$$target:$(VERSION) . || exit 1; \
	done

chaos: .venv/ready   # an hour or two: every crash point, the whole storm
	CHAOS=full $(PY) -m pytest -s tests/chaos tests/contract/test_serving_hostile.py $(ARGS)

lint: .venv/ready
	.venv/bin/hadolint Dockerfile
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
