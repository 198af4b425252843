# make demo, make test: from nothing but Python, make and a package index. A second call installs nothing.
# Paths are relative, so that a folder with a space in its name works too.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { echo $$p; exit; }; \
	done; echo python3)
TENSORFLOW ?= $(shell nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo tensorflow-cpu)
RUN = TF_CPP_MIN_LOG_LEVEL=2 .venv/bin/python

.PHONY: demo test test-slow env clean

demo: env
	@$(RUN) recipes/intent_bilstm.py --epochs 3 --steps 40 --gallery 1000 --features 30 $(ARGS)

test: env
	@$(RUN) -m pytest $(ARGS)

test-slow: env
	@$(RUN) -m pytest -m slow $(ARGS)

env: .venv/installed

.venv/installed: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else \
	"zoo needs Python 3.11, 3.12 or 3.13; %s is Python %d.%d. Install one of them, or name it: make PYTHON=/path/to/python3.12" % (sys.executable, v[0], v[1]))'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "zoo builds an environment with venv, which $(PYTHON) lacks; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Building .venv with $$($(PYTHON) --version) and $(TENSORFLOW); once, about a minute"
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet uv || echo "uv is not to be had here; pip takes its place"
	@.venv/bin/python -m uv pip install --python .venv/bin/python -e '.[$(TENSORFLOW),dev]' || \
	.venv/bin/python -m pip install -e '.[$(TENSORFLOW),dev]'
	@touch .venv/installed

clean:
	rm -rf .venv runs
