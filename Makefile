# Every target sets up what it needs; what is there already is not fetched or built again.

.DEFAULT_GOAL := help
.PHONY: help demo test check bench clean setup constraints
bin := .venv/bin
# Files of tests at once: most of them wait for machines, which take memory.
at_once := --numprocesses logical --maxprocesses 4 --dist loadfile

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## set everything up, then run task sets on two machines
	$(bin)/distributor run examples/demo.py --machines 2

test: setup ## set everything up, then run all tests
	@client-tools/bootstrap.sh tests
	$(bin)/python -m pytest $(at_once)

check: ## look for mistakes without running anything: ruff, mypy, the C compiler's strictest warnings
	@client-tools/bootstrap.sh packages environment
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	@for compiler in gcc aarch64-linux-gnu-gcc arm-linux-gnueabihf-gcc; do \
	    if command -v $$compiler > /dev/null; then \
	        $(MAKE) -C guest check CC=$$compiler || exit; \
	    fi; \
	done

bench: setup ## measure, as JSON lines (docs/benchmarks.md says what they mean)
	@$(bin)/python -m benchmarks

clean: ## remove what was made in this folder (the image's cache stays: `distributor image show`)
	rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
	$(MAKE) -C guest clean

# Debian packages, the Python environment and the guest image.
setup:
	@client-tools/bootstrap.sh

# Pins the newest of everything that pyproject.toml allows; see CONTRIBUTING.md.
constraints:
	@client-tools/bootstrap.sh packages environment
	$(bin)/python -m pip install -q uv
	$(bin)/uv pip compile -q --universal --python-version 3.11 --upgrade --extra dev \
	    --generate-hashes --no-header --no-emit-index-url -o constraints.txt pyproject.toml
