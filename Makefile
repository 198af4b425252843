# make demo, make test: from nothing but Python, make and a package index. A second call installs nothing.
# Paths are relative, so that a folder with a space in its name works too.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { echo $$p; exit; }; \
	done; echo python3)
TENSORFLOW ?= $(shell nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo tensorflow-cpu)
RUN = TF_CPP_MIN_LOG_LEVEL=2 .venv/bin/python

BACKENDS = tensorflow jax torch
NEUTRAL = tests/test_contract.py tests/test_contract_training.py tests/losses tests/layers tests/callbacks/test_health.py \
	tests/test_two_towers.py tests/test_same_start.py

.PHONY: demo test test-slow test-backends env clean

demo: env
	@$(RUN) recipes/intent_bilstm.py --epochs 3 --steps 40 --gallery 1000 --features 30 $(ARGS)

test: env
	@$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: env
	@$(RUN) -m pytest -m slow $(ARGS)

# The same tests of losses and layers on every backend, in an environment of their own: torch is large.
test-backends: .venv-backends/installed
	@for backend in $(BACKENDS); do echo "KERAS_BACKEND=$$backend"; KERAS_BACKEND=$$backend TF_CPP_MIN_LOG_LEVEL=2 \
	.venv-backends/bin/python -m pytest -n 2 $(NEUTRAL) $(ARGS) || exit 1; done

env: .venv/installed

.venv/installed: EXTRAS = $(TENSORFLOW),dev
.venv-backends/installed: EXTRAS = tensorflow-cpu,jax,torch,dev

.venv/installed .venv-backends/installed: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else \
	"zoo needs Python 3.11, 3.12 or 3.13; %s is Python %d.%d. Install one of them, or name it: make PYTHON=/path/to/python3.12" % (sys.executable, v[0], v[1]))'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "zoo builds an environment with venv, which $(PYTHON) lacks; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Building $(@D) with $$($(PYTHON) --version) and $(EXTRAS); once, about a minute"
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet uv || echo "uv is not to be had here; pip takes its place"
	@$(@D)/bin/python -m uv pip install --python $(@D)/bin/python -e '.[$(EXTRAS)]' || \
	$(@D)/bin/python -m pip install -e '.[$(EXTRAS)]'
	@touch $@

clean:
	rm -rf .venv .venv-backends runs
