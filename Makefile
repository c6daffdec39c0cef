# Every target does its own set-up: targets that need .venv create it.
.PHONY: help demo test test-slow install test-images image deploy chaos lint bench
# Without compiled files, each of some hundred processes that the tests start would compile its modules again.
unexport PYTHONDONTWRITEBYTECODE
PY := .venv/bin/python
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

help:   ## list the targets (the default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# docker, podman or buildah, whichever works here.  BUILD_ARGS and PUSH_ARGS are its options; PREFIX is for image names.
ENGINE ?= $(firstword $(foreach engine,docker podman buildah,$(if $(shell $(engine) info 2>/dev/null),$(engine))))
PREFIX ?= ghcr.io/callboard
# The code version is that of the last commit that changed what goes into an image.
INPUTS := Dockerfile pyproject.toml requirements bot handlers callboard_model_server
DIRTY := $(if $(shell git status --porcelain -- $(INPUTS) 2>/dev/null),-dirty)
REVISION := $(shell git log -1 --format=%H -- $(INPUTS) 2>/dev/null)
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' bot/__init__.py)-g$(shell git log -1 --format=%h -- $(INPUTS) 2>/dev/null)$(DIRTY)
TARGETS := model-server bot
# As Docker does: only its image format has HEALTHCHECK, and buildah caches layers only with an option.
ASKED := $(if $(filter podman buildah,$(notdir $(firstword $(ENGINE)))),--format docker --layers)

demo: .venv/ready   ## run a complete demo environment on this machine; ARGS=--tour runs the tour
	@exec $(PY) -m bot demo $(ARGS)

test: .venv/ready   ## run the tests, except the slow ones; ARGS are passed to pytest
	$(PY) -m pytest -n 4 --dist loadscope --no-loadscope-reorder -m 'not slow and not real and not images' $(ARGS)

test-slow: .venv/ready   ## run the slow tests: whole programs, a browser, a real Kubernetes control plane
	$(PY) -m pytest -n 3 --dist loadscope --no-loadscope-reorder -m 'slow and not real' $(ARGS)
	$(PY) -m pytest -n 2 --dist worksteal -m real $(ARGS)   # a real control plane runs in real time: one per core

# An installed program must not depend on this checkout or its .venv, and Debian's pip refuses user installs.
APP = $(or $(XDG_DATA_HOME),$(HOME)/.local/share)/callboard
BIN = $(HOME)/.local/bin
install:   ## install `callboard` into ~/.local/bin (BIN=…), in a separate environment (APP=…)
	@python3 -m venv "$(APP)"
	@"$(APP)/bin/python" $(PIP_INSTALL) --require-hashes -r requirements/bot.txt
	@rm -rf build && "$(APP)/bin/python" $(PIP_INSTALL) --no-deps . && rm -rf build callboard.egg-info
	@mkdir -p "$(BIN)" && ln -sf "$(APP)/bin/callboard" "$(BIN)/callboard"
	@echo "Installed $(BIN)/callboard; to remove it: rm -r $(BIN)/callboard $(APP)"
	@case ":$$PATH:" in *":$(BIN):"*) ;; *) echo "$(BIN) is not on your PATH: add it, or log in again" ;; esac

test-images: .venv/ready   ## test the images; after `make image`
	IMAGES=$(PREFIX) TAG=$(VERSION) $(PY) -m pytest -m images tests/images $(ARGS)

image:   ## build both images, with docker, podman or buildah
	@test -n "$(ENGINE)" || { echo "None of docker, podman and buildah works here: install one, or set ENGINE=…"; exit 1; }
	@for target in $(TARGETS); do \
	  $(ENGINE) build $(ASKED) $(BUILD_ARGS) --target $$target \
	    --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) --tag $(PREFIX)/$$target:$(VERSION) . || exit 1; \
	done

IMAGE := $(PREFIX)/model-server:$(VERSION)
ROOT := .
# Under another name, because `make -n` would run a line that contains $(MAKE).
ANEW := $(MAKE)
PIN = $(PY) -m bot pin-image $(IMAGE) --model "$(MODEL)" --stage "$(STAGE)" --root "$(ROOT)" \
  --revision $(REVISION) --write $(PIN_ARGS)

# Builds and pushes only if the registry has no such image (exit code 3).
deploy: .venv/ready   ## pin the model server's image: MODEL=… STAGE=… PREFIX=registry/team ROOT=checkout
	@test -n "$(MODEL)" -a -n "$(STAGE)" || { echo "MODEL and STAGE are required: make deploy MODEL=iris-classifier STAGE=staging"; exit 1; }
	@test -z "$(DIRTY)" || { echo "Commit first ($(INPUTS)): an image records the commit it was built from."; exit 1; }
	@$(PIN) || { test $$? -eq 3 && $(ANEW) image TARGETS=model-server && $(ENGINE) push $(PUSH_ARGS) $(IMAGE) && $(PIN); }

chaos: .venv/ready   ## test every crash point and the whole storm; takes one to two hours
	CHAOS=full $(PY) -m pytest -s tests/pure tests/clients/test_hostile_answers.py tests/chaos tests/model_server/test_hostile.py tests/model_server/test_canaries.py tests/demo/test_tour.py $(ARGS)

lint: .venv/ready   ## check format, types, imports and the Dockerfile
	.venv/bin/hadolint Dockerfile
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: .venv/ready   ## measure; B=serving, B=reliability or B=cluster
	@$(PY) -m tests.bench $(B)

.venv/ready: requirements/dev.txt
	@echo "Setting up .venv (once; 1.5 GB, a minute or two) …"
	@python3 -m venv .venv
	@$(PY) $(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@
