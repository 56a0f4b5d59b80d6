# What to run here. `make help` lists the targets.

CARGO ?= cargo

HISTORIES_JOBS ?= 2
CASES ?= 100000
SEED ?= 1
PAUSES ?= 200
MAILBOXES ?= 3000

.PHONY: help demo demo-cluster test nodes test-clients histories series mutants lint fmt bench deny redis

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Synchronize stand-ins of both sides on this machine.
	$(CARGO) run --profile release-lite -- demo

demo-cluster: redis ## Three nodes, a Redis, 1,000 mailboxes: kill nodes by a key, watch who takes over.
	$(CARGO) run --profile release-lite -- demo --cluster

test: redis ## Run all tests (with cargo-nextest when it is installed).
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(CARGO) nextest run --lib --test it; \
	else \
		$(CARGO) test --lib --test it --no-fail-fast; \
	fi

nodes: redis ## Kill, stop and pause nodes of 3,000 mailboxes, optimised (MAILBOXES, PAUSES).
	LOCKSTEP_MAILBOXES=$(MAILBOXES) LOCKSTEP_PAUSES=$(PAUSES) \
		$(CARGO) test --profile release-lite --test it -- --nocapture --test-threads 1 nodes::

series: ## Send 100,000 generated series through both sides (PROPTEST_CASES, PROPTEST_RNG_SEED).
	PROPTEST_CASES=$${PROPTEST_CASES:-100000} \
		$(CARGO) test --profile release-lite --lib generated_series -- --nocapture

histories: ## Run CASES generated histories, optimised (SEED, HISTORIES_JOBS).
	LOCKSTEP_HISTORIES=$(CASES) LOCKSTEP_SEED=$(SEED) LOCKSTEP_JOBS=$(HISTORIES_JOBS) \
		$(CARGO) test --profile release-lite --test it -- --nocapture histories_end

test-clients: ## Drive the stand-ins with clients of others (installs them below target/clients).
	$(CARGO) build
	tests/clients/run

mutants: ## Change the deciding code at random places and see a test fail (needs cargo-mutants).
	tests/mutants

lint: ## Check the format, all lints and the tidy tests.
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) test --quiet --test it tidy

fmt: ## Format the code.
	$(CARGO) fmt

bench: ## Measure the ratios against plain HTTP calls.
	$(CARGO) bench --profile release-lite --bench ratios

deny: ## Check licenses and sources of the dependencies (needs cargo-deny).
	$(CARGO) deny check licenses bans sources

# The tests start their own redis-server; only the programs must be there.
redis:
	@if command -v redis-server >/dev/null 2>&1 && command -v redis-cli >/dev/null 2>&1; then exit 0; fi; \
	if ! command -v apt-get >/dev/null 2>&1; then as=none; \
	elif [ "$$(id -u)" = 0 ]; then as=; \
	elif sudo -n true 2>/dev/null; then as='sudo -n'; \
	else as=none; fi; \
	if [ "$$as" != none ]; then \
		$$as apt-get update -qq; \
		$$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-server redis-tools >/dev/null; \
	fi; \
	if ! command -v redis-server >/dev/null 2>&1 || ! command -v redis-cli >/dev/null 2>&1; then \
		echo 'The tests need redis-server 7 or newer and redis-cli. Install them and run make test again:'; \
		echo '  Debian, Ubuntu:  sudo apt-get install -y redis-server redis-tools'; \
		echo '  Fedora:          sudo dnf install redis'; \
		echo '  macOS:           brew install redis'; \
		exit 1; \
	fi
