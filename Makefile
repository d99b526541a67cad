# Everything sets itself up: the environment lives in .venv, versions in constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Of all that is installed little is imported, and Python compiles that by itself.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
	--constraint constraints.txt
REPORT := losskit-reports/demo

# An environment that finds the packages of .venv as well, though not its Losskit.
PURELIB := -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
define beside
	$(PYTHON) -m venv --clear $(1)
	$(BIN)/python $(PURELIB) > "$$($(1)/bin/python $(PURELIB))/dev.pth"
endef

# What is called builds with as many jobs as it likes.
unexport MAKEFLAGS

.PHONY: demo test check format wheel-test bench trials sanitize clean

demo: $(VENV)/installed-compare
	$(BIN)/losskit compare sklearn:digits --out $(REPORT) --overwrite

test: $(VENV)/installed-test
	tools/browser
	$(BIN)/python -m pytest --numprocesses 2
	LOSSKIT_NATIVE=off $(BIN)/python -m pytest --numprocesses 2 tests/losses

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/generate.py --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python tools/generate.py

# The wheel as users get it, ahead of src/, which is not on the path; what it needs is taken from
# .venv where it fits, and installed otherwise. What packaging can break is run there, end to end:
# commands, reports, data files, extras and every example. The sdist has to hold all that git knows.
WHEEL_VENV := build/venv
wheel-test: $(VENV)/installed-dev
	rm -rf dist
	$(BIN)/python -m build --no-isolation --sdist --wheel --outdir dist
	$(BIN)/python tools/sdist.py dist/*.tar.gz
	$(call beside,$(WHEEL_VENV))
	$(WHEEL_VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt "$$(echo dist/*.whl)[test]"
	tools/browser
	$(WHEEL_VENV)/bin/python -m pytest --numprocesses 2 \
		tests/cli tests/compare/test_compare_command.py tests/studies/test_studies_command.py \
		tests/losses/test_worked_numbers.py tests/test_catalogue.py tests/test_register.py

bench: $(VENV)/installed-bench
	$(BIN)/python -m benchmarks

trials: $(VENV)/installed-test
	$(BIN)/python -m tools.trials.healthy --write
	$(BIN)/python -m tools.trials.faults --write
	$(BIN)/python -m tools.trials.overhead --write

# The kernels under the address and undefined-behaviour sanitizers, with the packages of .venv. How
# they round is another matter there, since the compiler adds in another order, and so is how much
# memory they take, an eighth of which the sanitizer takes once more.
SANITIZED := build/sanitized
sanitize: $(VENV)/installed-test
	$(call beside,$(SANITIZED))
	$(SANITIZED)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--config-settings=cmake.define.LOSSKIT_SANITIZE=ON \
		--config-settings=build-dir=$(SANITIZED)/cmake .
	LD_PRELOAD="$$(for name in asan ubsan stdc++; do c++ -print-file-name=lib$$name.so; done | xargs)" \
		ASAN_OPTIONS=detect_leaks=0 $(SANITIZED)/bin/python -m pytest --numprocesses 2 \
		tests/native tests/losses --ignore=tests/native/test_accuracy.py \
		--deselect=tests/native/test_huge.py::test_memory_of_1e8

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Losskit needs Python 3.11 or newer; run: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

KERNELS := CMakeLists.txt $(wildcard src/losskit/engines/native/kernels/*)
# The extra dev includes test: who has the first need not build the kernels again for the second.
$(VENV)/installed-%: $(VENV)/bin/python pyproject.toml constraints.txt $(KERNELS)
	@echo "Installing Losskit and what it needs into $(VENV); this takes a few minutes."
	$(INSTALL) cmake nanobind ninja scikit-build-core
	$(INSTALL) --no-build-isolation --editable ".[$*]"
	touch $@ $(if $(filter dev,$*),$(VENV)/installed-test)
