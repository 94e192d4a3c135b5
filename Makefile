# Every target sets up .venv by itself, once. `make help` lists them.
#
#   make demo PYTHON=python3.12     with another Python (3.11, 3.12 or 3.13)
#   make test ARGS="-k softmax"     more words for the command behind a target
#   make test VERSIONS=lowest       with the oldest packages that will do, or the newest; in an environment of their own
#   make gates LAB=attention        one lab only
#   make test PROCESSES=1           one after the other; without it, as many at a time as cores and memory allow
#   make bench BENCH=attacks        one of the scripts in benchmarks/, see its README

PYTHON ?= python3
ARGS ?=
LAB ?=
BENCH ?= grading transformer
VERSIONS ?= pinned
PROCESSES ?= auto
ENV := .venv$(patsubst %,-%,$(filter-out pinned,$(VERSIONS)))
BIN := $(ENV)/bin
# One mark for each part that is installed: the grader and its labs, a workshop's Hub on top, or all of it.
GRADER := $(ENV)/ready-instructor
ROOM := $(ENV)/ready-workshop
ALL := $(ENV)/ready-dev
LOG := .cache/setup.log
# What holds packages at a version: what is tested, the lower bounds of pyproject.toml, or nothing.
PINS := $(if $(filter newest,$(VERSIONS)),,$(if $(filter lowest,$(VERSIONS)),.cache/lowest.txt,constraints.txt))

# nbgrader starts `alembic` and `jupyter` by bare name.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Without compiled bytecode each `import tensorflow` takes three times as long.
unexport PYTHONDONTWRITEBYTECODE
# TensorFlow's greetings would drown ours.
TF_CPP_MIN_LOG_LEVEL ?= 3
export TF_CPP_MIN_LOG_LEVEL

# uv alone finds the oldest versions that go together; it asks the index that UV_DEFAULT_INDEX names.
ifeq ($(VERSIONS),lowest)
FIND_LOWEST = @{ $(BIN)/pip install -q uv && $(BIN)/uv pip compile -q --upgrade pyproject.toml --extra dev --resolution lowest-direct \
  --python $(BIN)/python --output-file $(PINS); } >> $(LOG) 2>&1 || { echo; tail -n 5 $(LOG); \
  echo "The lowest versions could not be found. Is there a network? All of it is in $(LOG)."; exit 1; }
endif

.PHONY: help demo test torch lab workshop build gates bench checkpoints proofs site lint clean constraints release
.DEFAULT_GOAL := help

help: ## what can be made
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z]*\):.*## /  \1  /p' Makefile | awk '{ name = $$1; $$1 = ""; printf "  %-12s%s\n", name, $$0 }'

demo: $(GRADER) ## grade a class of sample submissions and show what went wrong
	@$(BIN)/autograder demo $(ARGS)

test: $(ALL) ## run the test suite
	@$(BIN)/pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

torch: $(ALL) ## hold the reference on PyTorch against TensorFlow; installs PyTorch (on Linux several GB)
	@$(BIN)/pip install -q torch
	@$(BIN)/pytest tests/hidden/test_backends.py -k torch $(ARGS)

lab: $(GRADER) ## open JupyterLab on the labs
	@$(BIN)/course lab $(ARGS)

workshop: $(ROOM) ## rehearse a workshop on this machine: Hub, live board, marks at once
	@$(BIN)/autograder workshop --local $(ARGS)

build: $(GRADER) ## write labs/ anew from lessons and solutions
	@$(BIN)/autograder build $(ARGS)

gates: $(GRADER) ## try the checks and probes on the reference, wrong answers and right ones
	@$(BIN)/autograder gates $(LAB) $(ARGS)

bench: $(ALL) ## measure what the README says about speed
	@for name in $(BENCH); do $(BIN)/python "benchmarks/$$name.py" $(ARGS) || exit 1; done

checkpoints: $(GRADER) ## train anew the small weights that come with the labs
	@$(BIN)/python -m autograder.authoring.checkpoints.make $(ARGS)

proofs: $(ALL) ## run the long proofs, which `make test` leaves out
	@$(BIN)/pytest -m slow $(ARGS)

site: $(ALL) ## write the documentation site, labs with their pictures (an hour; ARGS=--no-run without)
	@$(BIN)/autograder site $(ARGS)

lint: $(ALL) ## look for untidy code
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

release: $(ALL) ## make dist/, and try the wheel in an empty environment
	@rm -rf build dist && $(BIN)/python -m build --outdir dist . > .cache/release.log 2>&1 || { tail -n 5 .cache/release.log; exit 1; }
	@echo "dist/ is made; now its wheel is tried in an empty environment, which takes about 8 minutes."
	@COURSE_WHEEL=$$(ls dist/*.whl) $(BIN)/pytest -m 'slow or not slow' tests/test_wheel.py $(ARGS)

clean: ## remove the environment and everything that was made, but not labs/
	rm -rf .venv .venv-lowest .venv-newest .cache .pytest_cache .ruff_cache build dist *.egg-info demo_course
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment that was made elsewhere and moved here does not work, so it is made again.
MADE := $(ENV)/made
ifneq ($(shell cat $(MADE) 2>/dev/null),$(CURDIR))
.PHONY: $(MADE)
endif

$(MADE): pyproject.toml constraints.txt
	@case "$(VERSIONS)" in lowest|pinned|newest) ;; *) \
	  echo "VERSIONS is lowest, pinned or newest, and not '$(VERSIONS)'."; exit 1;; esac
	@# TensorFlow comes for these alone; raise the last one when it comes for another.
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
	  echo "Python 3.11, 3.12 or 3.13 is needed, and '$(PYTHON)' is not. Name another: make PYTHON=python3.12"; exit 1; }
	@mkdir -p .cache && $(PYTHON) -m venv --clear $(ENV) > $(LOG) 2>&1 || { tail -n 3 $(LOG); \
	  echo "Python could not make an environment. On Debian and Ubuntu, install python3-venv; then try again."; exit 1; }
	$(FIND_LOWEST)
	@# `course` is installed; solutions/ and autograder/ come from the checkout, and from there alone.
	@$(BIN)/python -c "import os, pathlib, sysconfig; \
	  pathlib.Path(sysconfig.get_path('purelib'), 'transformer_labs_checkout.pth').write_text(os.getcwd() + '\n')"
	@printf '%s' "$(CURDIR)" > $@

# uv installs the same versions in a fraction of the time. Where it cannot be had, or asks another index than pip was
# told of, pip does it.
$(ENV)/ready-%: $(MADE)
	@if [ -f $(ALL) ] && [ $(ALL) -nt $(MADE) ]; then touch $@; exit 0; fi; \
	printf 'Setting up $(ENV) for %s (once, about %s) ' "$*" "$(if $(filter dev,$*),2 minutes,1 minute)"; \
	{ command -v uv > /dev/null || $(BIN)/uv --version > /dev/null 2>&1 || $(BIN)/pip install -q uv; \
	  UV=$$(command -v uv || echo $(BIN)/uv); \
	  $$UV pip install --python $(BIN)/python $(addprefix -c ,$(PINS)) -e '.[$*]' \
	  || $(BIN)/pip install $(addprefix -c ,$(PINS)) -e '.[$*]' || echo SETUP-FAILED; } >> $(LOG) 2>&1 & \
	while kill -0 $$! 2>/dev/null; do printf .; sleep 2; done; \
	if grep -q '^SETUP-FAILED' $(LOG); then echo; grep -i '^ *\(ERROR\|error:\|×\)' $(LOG) | tail -n 5; \
	  echo "Packages could not be installed. Is there a network? All of it is in $(LOG); then try again."; rm -f $(MADE); exit 1; fi; \
	touch $@ && echo " done."

# The oldest Python decides: what it can install, newer ones can as well.
constraints: ## take the newest versions and pin them in constraints.txt; about 3 minutes, with Python 3.11
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
	  echo "Versions are pinned with the oldest Python that is supported: make constraints PYTHON=python3.11"; exit 1; }
	@mkdir -p .cache && $(PYTHON) -m venv --clear .cache/newest
	@.cache/newest/bin/pip install -q '.[dev]' || { echo "constraints.txt is left as it was."; exit 1; }
	@{ sed -n '/^#/p' constraints.txt; .cache/newest/bin/pip freeze --all --exclude pip --exclude wheel --exclude transformer-labs | LC_ALL=C sort -f; } > .cache/constraints.txt
	@mv .cache/constraints.txt constraints.txt && rm -rf .cache/newest && echo "constraints.txt is written; run make test."
