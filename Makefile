# Every target sets up .venv by itself, once. `make help` lists them.
#
#   make demo PYTHON=python3.12     with another Python (3.11 or newer)
#   make test ARGS="-k softmax"     more words for the command behind a target
#   make gates LAB=attention        one lab only
#   make bench BENCH=attacks        one of the scripts in benchmarks/, see its README

PYTHON ?= python3
ARGS ?=
LAB ?=
BENCH ?= grading transformer
BIN := .venv/bin
READY := .venv/ready
LOG := .cache/setup.log

# nbgrader starts `alembic` and `jupyter` by bare name.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Without compiled bytecode each `import tensorflow` takes three times as long.
unexport PYTHONDONTWRITEBYTECODE
# TensorFlow's greetings would drown ours.
TF_CPP_MIN_LOG_LEVEL ?= 3
export TF_CPP_MIN_LOG_LEVEL

.PHONY: help demo test lab workshop build gates bench checkpoints proofs site lint clean constraints
.DEFAULT_GOAL := help

help: ## what can be made
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z]*\):.*## /  \1  /p' Makefile | awk '{ name = $$1; $$1 = ""; printf "  %-12s%s\n", name, $$0 }'

demo: $(READY) ## grade a class of sample submissions and show what went wrong
	@$(BIN)/autograder demo $(ARGS)

test: $(READY) ## run the test suite
	@$(BIN)/pytest $(ARGS)

lab: $(READY) ## open JupyterLab on the labs
	@$(BIN)/course lab $(ARGS)

workshop: $(READY) ## rehearse a workshop on this machine: Hub, live board, marks at once
	@$(BIN)/autograder workshop --local $(ARGS)

build: $(READY) ## write labs/ anew from lessons and solutions
	@$(BIN)/autograder build $(ARGS)

gates: $(READY) ## try the checks and probes on the reference, wrong answers and right ones
	@$(BIN)/autograder gates $(LAB) $(ARGS)

bench: $(READY) ## measure what the README says about speed
	@for name in $(BENCH); do $(BIN)/python "benchmarks/$$name.py" $(ARGS) || exit 1; done

checkpoints: $(READY) ## train anew the small weights that come with the labs
	@$(BIN)/python -m autograder.checkpoints $(ARGS)

proofs: $(READY) ## run the long proofs, which `make test` leaves out
	@$(BIN)/pytest -m slow $(ARGS)

site: $(READY) ## write the documentation site, labs with their pictures (an hour; ARGS=--no-run without)
	@$(BIN)/autograder site $(ARGS)

lint: $(READY) ## look for untidy code
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

clean: ## remove the environment and everything that was made, but not labs/
	rm -rf .venv .cache .pytest_cache .ruff_cache build dist *.egg-info demo_course
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment that was made elsewhere and moved here does not work, so it is made again.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not. Name another: make PYTHON=python3.12"; exit 1; }
	@mkdir -p .cache && printf 'Setting up .venv (once, about 3 minutes) '
	@$(PYTHON) -m venv --clear .venv > $(LOG) 2>&1 || { echo; tail -n 3 $(LOG); \
	  echo "Python could not make an environment. On Debian and Ubuntu, install python3-venv; then try again."; exit 1; }
	@{ $(BIN)/pip install -c constraints.txt -e '.[dev]' 2>&1 || echo SETUP-FAILED; } | tee -a $(LOG) | \
	  awk '/^Collecting/ && ++n % 8 == 0 { printf "."; fflush() } /^Installing collected/ { printf " installing "; fflush() }'
	@if grep -q '^SETUP-FAILED' $(LOG); then echo; grep '^ERROR' $(LOG) | head -n 5; \
	  echo "Packages could not be installed. Is there a network? All of it is in $(LOG); then try again."; exit 1; fi
	@# `course` is installed; solutions/ and autograder/ come from the checkout, and from there alone.
	@$(BIN)/python -c "import os, pathlib, sysconfig; \
	  pathlib.Path(sysconfig.get_path('purelib'), 'transformer_labs_checkout.pth').write_text(os.getcwd() + '\n')"
	@printf '%s' "$(CURDIR)" > $(READY) && echo "done."

constraints: ## take the newest versions and pin them in constraints.txt
	@$(PYTHON) -m venv --clear .cache/newest && .cache/newest/bin/pip install -q '.[dev]'
	@{ sed -n '/^#/p' constraints.txt; .cache/newest/bin/pip freeze --all --exclude pip --exclude transformer-labs; } > .cache/constraints.txt
	@mv .cache/constraints.txt constraints.txt && rm -rf .cache/newest && echo "constraints.txt is written; run make test."
