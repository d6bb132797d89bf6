# Everything runs from .venv, which "make setup" fills from requirements.lock.
# PYTHON  the interpreter that makes .venv
# TORCH   what pip is asked for as PyTorch (the lock leaves its build, CPU or CUDA, to you)
# UV      what pip is asked for as uv, which installs the rest ten times as fast
# ARCH    the instruction set that test-arch emulates; ARGS='--part machine' for less than all of it
# TARGET  the stage of Containerfile that image builds; IMAGE_ARGS is handed to the builder
# JOBS    how many tests run side by side; many wait for LoadGen's clock, so twice the cores

# Containers set it, and then each of the thousand processes of the tests compiles all it imports.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3.11
TORCH ?= torch==2.13.0
UV ?= uv==0.13.9
JOBS ?= 4
ARCH ?= s390x
TARGET ?= cpu
BIN := .venv/bin
READY := .venv/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long test-frameworks test-campaigns test-network test-serving test-otlp test-arch test-z image lint bench zoo docs lock clean

help: ## List the targets
	@echo "LoadScope: make TARGET"
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1|\2/' | column -t -s '|'

setup: $(READY) ## Make .venv from the lock file

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "make: $(PYTHON) not found; install it (apt install python3.11 python3.11-venv) or set PYTHON=" >&2; exit 2; }
	@echo "setup: making .venv with $$($(PYTHON) --version); about 0.8 GB to download, 3 GB on disk"
	@$(PYTHON) -m venv --clear .venv || { echo "make: cannot make .venv; on Debian and Ubuntu: apt install python3.11-venv" >&2; exit 2; }
	@echo "setup: installing the $$(grep -c == requirements.lock) packages of requirements.lock"
	@{ $(PIP) install --only-binary :all: "$(UV)" && \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements.lock; } || \
	  { echo "setup: uv cannot; by pip, which takes minutes"; \
	    $(PIP) install --require-hashes --no-deps -r requirements.lock; }
	@echo "setup: installing $(TORCH)"
	@$(PIP) install "$(TORCH)"
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## The main job on three tasks, four scenarios, two frameworks
	@echo "demo: all 10,000 pictures of Fashion-MNIST, generated answers and speech, then ImageNet, SQuAD and COCO in short form; 24 LoadGen tests, three to ten minutes"
	@folder=runs/demo-$$(date +%Y%m%d-%H%M%S); \
	  if $(BIN)/loadscope fetch fashion-mnist > /dev/null; then \
	    $(BIN)/loadscope run scenarios/demo/fashion-mnist.yaml --output $$folder-fashion || exit; \
	  else echo "demo: going on without Fashion-MNIST"; fi; \
	  $(BIN)/loadscope run scenarios/demo/language.yaml --output $$folder-language || exit; \
	  if $(BIN)/loadscope fetch moonshine-tiny > /dev/null; then \
	    $(BIN)/loadscope run scenarios/demo/speech.yaml --output $$folder-speech || exit; \
	  else echo "demo: going on without speech"; fi; \
	  $(BIN)/loadscope run scenarios/demo/three-tasks.yaml --output $$folder

test: $(READY) ## All tests
	@echo "test: real LoadGen, real frameworks; 8 to 25 minutes on two cores, by the machine; the first time it makes its models"
	@$(BIN)/pytest -q -n $(JOBS) --dist loadgroup

test-long: $(READY) ## What test shows on one framework, scenario or sample, on all of them
	@echo "test-long: every framework and scenario of the real models, whole data sets; 4 to 20 minutes on two cores"
	@$(BIN)/pytest -q -n $(JOBS) --dist loadgroup --long

test-frameworks: $(READY) .venv-genai/.ready ## All checks of TVM, JAX, ncnn, GenAI, of ExecuTorch, Caffe2, CNTK (4 GB), and four scenarios on each framework
	@echo "test-frameworks: environments of their own in the cache, each framework's checks, then LoadGen's scenarios on all; half an hour on two cores"
	@for each in tvm jax ncnn; do $(BIN)/pytest -q -rs tests/sut/$${each}_checks.py || exit; done
	@PYTHONPATH=$(CURDIR)/.venv-genai $(BIN)/pytest -q -rs tests/sut/genai_checks.py
	@$(BIN)/pytest -q -rs tests/sut/own_python_checks.py tests/sut/scenario_checks.py

# A folder beside .venv: it runs on the ONNX Runtime that is there.
.venv-genai/.ready: $(READY)
	@echo "setup: installing onnxruntime-genai in .venv-genai"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --target .venv-genai "onnxruntime-genai==0.18.*"
	@touch $@

test-campaigns: $(READY) ## Campaigns: kills and cuts in namespaces, an emulated host, 1,000 runs on three hosts (root)
	@echo "test-campaigns: an hour and a half; the busy share wants a quiet machine"
	@for each in namespaces emulated campaign; do $(BIN)/pytest -q -rs -s tests/suite/campaign/$${each}_checks.py || exit; done

test-network: $(READY) ## LoadGen and its SUT in network namespaces; what a delay adds (root, a quiet machine)
	@echo "test-network: Server over 1 ms and 10 ms against local runs; five minutes"
	@$(BIN)/pytest -q -rs -s tests/suite/serve/network_checks.py

test-serving: $(READY) .venv-serving/.ready ## Real servers of the Open Inference Protocol as SUTs: Triton, KServe's Python server, mlserver
	@LOADSCOPE_SERVING=$(CURDIR)/.venv-serving $(BIN)/pytest -q -rs tests/suite/serve/test_real_servers.py

.venv-serving/.ready:
	@for each in "mlserver mlserver==1.7.*" "kserve kserve==0.21.* onnxruntime==1.31.*" "triton nvidia-pytriton==0.7.*"; do \
	  set -f; set -- $$each; name=$$1; shift; \
	  echo "setup: installing $$* in .venv-serving/$$name"; \
	  $(PYTHON) -m venv --clear .venv-serving/$$name || exit; \
	  .venv-serving/$$name/bin/pip --disable-pip-version-check --quiet --quiet install "$$@" || exit; \
	done
	@touch $@

test-otlp: $(READY) .venv-otlp/.ready ## Send a trace to a real backend (arize-phoenix, 0.9 GB) and read it back
	@LOADSCOPE_PHOENIX=.venv-otlp/bin/phoenix $(BIN)/pytest -q tests/suite/trace/test_phoenix.py

.venv-otlp/.ready:
	@echo "setup: installing arize-phoenix in .venv-otlp"
	@$(PYTHON) -m venv --clear .venv-otlp
	@.venv-otlp/bin/pip --disable-pip-version-check --quiet --quiet install "arize-phoenix==20.26.*"
	@touch $@
test-arch: $(READY) ## The core tests and LoadGen runs on an emulated ARCH=s390x|arm64|ppc64el (root; Debian packages)
	@echo "test-arch: a root of $(ARCH) in the cache, then Debian's builds under emulation; 10 to 25 minutes"
	@$(BIN)/python -P -m loadscope.tools.arch $(ARCH) $(ARGS)

test-z: ## The same on an emulated IBM Z
	@$(MAKE) --no-print-directory test-arch ARCH=s390x

image: ## A container image, TARGET=cpu|cuda|s390x, by podman, buildah or docker
	@builder=$$(command -v podman || command -v buildah || command -v docker) || { echo "make: no podman, buildah or docker found; on Debian and Ubuntu: apt install buildah" >&2; exit 2; }; \
	  echo "image: loadscope:$(TARGET) by $$builder; some minutes and 3 GB"; \
	  $$builder build --target $(TARGET) --tag loadscope:$(TARGET) --file Containerfile $(IMAGE_ARGS) .

lint: $(READY) ## ruff and mypy --strict
	@echo "lint: ruff, mypy"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy tests

bench: $(READY) ## The suite against a bare loop, pair by pair; writes bench.json; ARGS='--part defaults'
	@$(BIN)/python -P -m loadscope.tools.bench $(ARGS)

zoo: $(READY) ## A sample of the model families, run and traced; writes docs/zoo.md
	@echo "zoo: about fifty models are exported, run and traced; an hour, and it goes on where it stopped"
	@$(BIN)/python -P -m loadscope.tools.generate.zoo sample --output runs/zoo

docs: $(READY) ## Write docs/rules.md from the rules of "loadscope check", docs/frameworks.md from sut/
	@$(BIN)/python -P -m loadscope.tools.generate.rules_page docs/rules.md
	@$(BIN)/python -P -m loadscope.tools.generate.frameworks_page docs/frameworks.md

lock: $(READY) ## Resolve requirements.lock again
	@$(BIN)/pip-compile --quiet --all-extras --generate-hashes --strip-extras --no-header \
	  --unsafe-package torch --unsafe-package pip --no-emit-index-url --no-emit-find-links \
	  --constraint constraints.txt --output-file requirements.lock pyproject.toml

clean: ## Remove .venv, caches and build results; runs and the download cache stay
	rm -rf .venv .venv-genai .venv-otlp .venv-serving build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
