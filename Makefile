# The first two targets do all their own set-up.
.PHONY: demo test test-images chaos lint bench image deploy
PY := .venv/bin/python

# docker, podman or buildah, whichever works here.  BUILD_ARGS and PUSH_ARGS go to it, PREFIX before the images' names.
ENGINE ?= $(firstword $(foreach engine,docker podman buildah,$(if $(shell $(engine) info 2>/dev/null),$(engine))))
PREFIX ?= ghcr.io/callboard
# The code version is that of the last commit that changed what goes into an image.
INPUTS := Dockerfile pyproject.toml requirements bot handlers callboard_model_server
DIRTY := $(if $(shell git status --porcelain -- $(INPUTS) 2>/dev/null),-dirty)
REVISION := $(shell git log -1 --format=%H -- $(INPUTS) 2>/dev/null)
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' bot/__init__.py)-g$(shell git log -1 --format=%h -- $(INPUTS) 2>/dev/null)$(DIRTY)
TARGETS := model-server bot
# Docker's two ways: HEALTHCHECK is kept in its format only, and buildah keeps layers for the next build where it is told.
ASKED := $(if $(filter podman buildah,$(notdir $(firstword $(ENGINE)))),--format docker --layers)

demo: .venv/ready
	@exec $(PY) -m bot demo $(ARGS)

test: .venv/ready
	$(PY) -m pytest -n 4 --dist worksteal -m 'not real and not images' $(ARGS)
	$(PY) -m pytest -n 2 --dist worksteal -m real $(ARGS)   # a real control plane keeps real time: one on each core

test-images: .venv/ready   # after `make image`
	IMAGES=$(PREFIX) TAG=$(VERSION) $(PY) -m pytest -m images tests/images $(ARGS)

image:
	@test -n "$(ENGINE)" || { echo "None of docker, podman and buildah works here: install one, or say ENGINE=…"; exit 1; }
	@for target in $(TARGETS); do \
	  $(ENGINE) build $(ASKED) $(BUILD_ARGS) --target $$target \
	    --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) --tag $(PREFIX)/$$target:$(VERSION) . || exit 1; \
	done

IMAGE := $(PREFIX)/model-server:$(VERSION)
ROOT := .
# By another name: a line that names $(MAKE) itself is run by `make -n`, too.
ANEW := $(MAKE)
PIN = $(PY) -m bot pin-image $(IMAGE) --model "$(MODEL)" --stage "$(STAGE)" --root "$(ROOT)" \
  --revision $(REVISION) --write $(PIN_ARGS)

deploy: .venv/ready   # MODEL=… STAGE=… PREFIX=registry/team; builds and pushes only what the registry has not (exit 3)
	@test -n "$(MODEL)" -a -n "$(STAGE)" || { echo "What, and where?  make deploy MODEL=iris-classifier STAGE=staging"; exit 1; }
	@test -z "$(DIRTY)" || { echo "Commit first ($(INPUTS)): an image says which commit it was built from."; exit 1; }
	@$(PIN) || { test $$? -eq 3 && $(ANEW) image TARGETS=model-server && $(ENGINE) push $(PUSH_ARGS) $(IMAGE) && $(PIN); }

chaos: .venv/ready   # an hour or two: every crash point, the whole storm
	CHAOS=full $(PY) -m pytest -s tests/chaos tests/model_server/test_hostile.py $(ARGS)

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
