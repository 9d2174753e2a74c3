# The commands of the project; `make` lists them.
# What is built stays in CACHE, outside the checkout, keyed on what it was built from.

CACHE   := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mailstack
LOCK    := $(shell sha256sum requirements/dev.txt | cut -c1-12)
VENV    := $(CACHE)/venv-$(LOCK)
PYTHON  := $(VENV)/bin/python
HARNESS := PYTHONPATH=e2e python3 -m harness
SCRIPTS := $(shell find operator -name "*.sh" | sort)
WORKERS ?= 5
# These tests mostly wait.
TIMED_WORKERS ?= 8
SERIAL_LOG := $(CACHE)/logs/e2e-serial.log
# Built anew each time: Sphinx reports only the faults of pages that it reads. One folder per checkout.
SITE    := $(CACHE)/site-$(shell pwd | sha256sum | cut -c1-12)

export PATH       := $(VENV)/bin:$(CACHE)/bin:$(PATH)
export KUBECONFIG := $(CACHE)/kubeconfig
# `mailstack` and the import contracts read the checkout itself; nothing is installed into the environment.
export PYTHONPATH := operator
MAILSTACK := $(PYTHON) -m mailstack_operator
VERSION   := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' operator/mailstack_operator/__init__.py)
# The one of the chart is no link: what packs a chart from git (Flux, OCI tools) drops links, or refuses them.
CRDS      := crds/mailstacks.yaml charts/mailstack-operator/files/mailstacks.yaml
REFERENCE := $(PYTHON) -m mailstack_operator.cli.reference

.DEFAULT_GOAL := help
.PHONY: help demo test check docs unit e2e e2e-others e2e-crowd e2e-timed e2e-serial measure bench cluster images tools down format crd golden version release hooks lock

help: ## Show this list.
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

demo: ## A cluster, the operator, a MailStack, and real mail through it.
	@PYTHONPATH=e2e python3 -m demo

# The cluster and the images are made while checks and unit tests run. `e2e` waits for that by the harness's lock, and
# shows what is missing, or why.
test: $(VENV)/.complete tools ## Everything: checks, unit tests, then end to end on a kind cluster; all of it runs, then it fails.
	@mkdir -p $(CACHE)/logs; { $(HARNESS) cluster && $(HARNESS) images --e2e; } > $(CACHE)/logs/prepare.log 2>&1 & \
	$(MAKE) --no-print-directory --keep-going --old-file=tools check unit e2e

check: $(VENV)/.complete tools ## Format, lint, types, import contracts, generated files, chart, alerts, docs.
	ruff format --check .
	ruff check .
	mypy
	lint-imports --no-logo
	shellcheck $(SCRIPTS)
	@for script in $(SCRIPTS); do dash -n $$script && busybox sh -n $$script || exit; done
	@for file in $(CRDS); do $(MAILSTACK) crd | diff -u $$file - || { echo "out of date: run 'make crd'" >&2; exit 1; }; done
	$(REFERENCE) | diff -u docs/api.md - || { echo "out of date: run 'make crd'" >&2; exit 1; }
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yaml
	pre-commit validate-config .pre-commit-config.yaml
	helm lint --strict charts/mailstack-operator
	helm template mailstack-operator charts/mailstack-operator > /dev/null
	promtool check rules --lint=all --lint-fatal charts/mailstack-operator/files/alerts.yaml
	@$(MAKE) --no-print-directory docs

docs: $(VENV)/.complete ## The site, in CACHE; a dead link or a page outside the navigation is an error.
	@rm -rf $(SITE)
	$(PYTHON) -m sphinx -q -W --keep-going -b html -c docs/site -d $(SITE)/doctrees . $(SITE)/html
	@echo "$(SITE)/html/index.html"

unit: $(VENV)/.complete tools ## Unit, golden and property tests; no cluster.
	pytest tests -q -n 2

e2e: $(VENV)/.complete cluster ## Real mail through real pods, on kind clusters; all lots run, then it fails.
	@$(HARNESS) images --e2e
	@$(MAKE) --no-print-directory --keep-going --jobs=2 e2e-others e2e-serial; status=$$?; cat $(SERIAL_LOG); exit $$status

# The lots of `make e2e`. These two run one after the other,
e2e-others:
	@status=0; $(MAKE) --no-print-directory e2e-crowd || status=1; $(MAKE) --no-print-directory e2e-timed || status=1; exit $$status

e2e-crowd:
	pytest e2e -m 'not timed and not serial' -n $(WORKERS) --no-loadscope-reorder --durations=10

e2e-timed:
	pytest e2e -m 'timed and not serial' -n $(TIMED_WORKERS) --no-loadscope-reorder --durations=10

# and beside them, on a small cluster of its own, what disturbs the operator, the API or a node. Its output comes at the end.
e2e-serial: export MAILSTACK_CLUSTER := mailstack-serial
e2e-serial: export MAILSTACK_WORKERS := 2
e2e-serial:
	@mkdir -p $(dir $(SERIAL_LOG))
	@echo "the serial tests run beside these, on a cluster of their own; their log: $(SERIAL_LOG)"
	@{ $(HARNESS) cluster && $(HARNESS) images && pytest e2e -m serial --durations=10; status=$$?; $(HARNESS) down; exit $$status; } \
	  > $(SERIAL_LOG) 2>&1

measure: $(VENV)/.complete images ## Measure how soon faults are in the status, 20 times each: a quarter of an hour, on a quiet machine.
	@PYTHONPATH=e2e:operator $(PYTHON) -m measure

# All parts run, then it fails. loop needs etcd and an API server of its own, path and users containers, the others the cluster.
bench: $(VENV)/.complete ## Measure the operator beside a bare client, a start and changes, its servers beside bare ones, and faults (PART=loop, changes, path, users, status, faults); WRITE=1 puts the tables into docs/performance.md.
	@status=0; for part in $(or $(PART),$(BENCHES)); do $(MAKE) --no-print-directory bench-$$part || status=1; done; exit $$status

BENCHES := loop changes path users status faults
.PHONY: $(BENCHES:%=bench-%)
BENCH := PYTHONPATH=e2e:operator $(PYTHON) -m
ROUND := $(if $(WRITE),--write) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-loop: $(VENV)/.complete
	@$(BENCH) bench $(ROUND) $(if $(SIZES),--sizes $(SIZES)) $(if $(KILLS),--kills $(KILLS))

bench-changes: $(VENV)/.complete images
	@$(BENCH) bench.changes $(ROUND)

bench-path: $(VENV)/.complete
	@$(BENCH) bench.path $(ROUND) $(if $(SESSIONS),--sessions $(SESSIONS))

bench-users: $(VENV)/.complete
	@$(BENCH) bench.users $(ROUND)

bench-status: measure

# WRITE=1 notes the times, of which the table of docs/failure-modes.md is made (`python -m mailtest.faults`).
bench-faults: $(VENV)/.complete cluster
	@$(HARNESS) images --e2e
	@$(if $(WRITE),RECORD=1) pytest e2e/test_faults.py -m 'timed and not serial' -n $(TIMED_WORKERS) --durations=0

cluster: ## A kind cluster named mailstack; steps that are done are skipped.
	@$(HARNESS) cluster

images: ## The project's images, built and loaded into the cluster.
	@$(HARNESS) images

tools:
	@$(HARNESS) tools

down: ## Remove the cluster, and the one that an interrupted `make e2e` left.
	@MAILSTACK_CLUSTER=mailstack-serial $(HARNESS) down > $(CACHE)/logs/down.log
	@$(HARNESS) down

format: $(VENV)/.complete ## Format the code.
	ruff format .
	ruff check --fix .

crd: $(VENV)/.complete ## Write the CRD, its copy in the chart and docs/api.md from the models.
	$(MAILSTACK) crd > $(CACHE)/new && for file in $(CRDS); do cp $(CACHE)/new $$file || exit; done; rm $(CACHE)/new
	$(REFERENCE) > $(CACHE)/new && mv $(CACHE)/new docs/api.md

golden: $(VENV)/.complete tools ## Rewrite the golden files; read the diff before you commit it.
	pytest tests -q --golden-update

version: ## Write the version of mailstack_operator/__init__.py into the chart (docs/release.md).
	sed -i -E 's/^(version|appVersion): .*/\1: "$(VERSION)"/' charts/mailstack-operator/Chart.yaml

# RELEASE is new for each version: what lies in it is in the release's manifest.
RELEASE ?= $(CACHE)/release/$(VERSION)
DOWNLOADS ?= https://mailstack.example.org/releases/v$(VERSION)
release: $(VENV)/.complete ## Build, push and, with KEY, sign the version: REGISTRY=registry.example.org/mail [KEY=cosign.key] (docs/release.md).
	@PYTHONPATH=e2e:operator $(PYTHON) -m release --registry "$(REGISTRY)" --key "$(KEY)" --folder "$(RELEASE)" --downloads "$(DOWNLOADS)"

hooks: $(VENV)/.complete ## Install the git hooks of .pre-commit-config.yaml into this checkout.
	pre-commit install

lock: ## Pin what pyproject.toml asks for, by version and hash (needs uv); UPGRADE=1 takes the newest versions.
	requirements/lock

# No prerequisite: its name holds the digest of requirements/dev.txt, and another checkout may be using it.
$(VENV)/.complete:
	@echo "==> Python environment $(VENV)"
	@rm -rf $(VENV) && mkdir -p $(CACHE)
	@python3 -m venv $(VENV) || { echo "python3 -m venv failed: install the package python3-venv" >&2; exit 1; }
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
