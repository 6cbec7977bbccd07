# Everything CI runs is a target here; `make` prints them.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

GO ?= go

# Tools are pinned here and built into .tools, outside the project's module graph.
GOFUMPT_VERSION := v0.12.0
STATICCHECK_VERSION := v0.8.2
GOFUMPT := .tools/gofumpt-$(GOFUMPT_VERSION)
STATICCHECK := .tools/staticcheck-$(STATICCHECK_VERSION)

# The packages that start goroutines (the command line runs the sweeps); everything else is single-threaded by design,
# and the architecture test holds it to that.
RACE_PACKAGES := ./impl/drive/... ./cmd/...

FUZZTIME ?= 10s
BENCH ?= .
BENCHTIME ?= 1s
SEEDS ?= 1-50
EXPERIMENT ?= quickstart
SIZE ?= small
REPORT ?= out/experiments

PYTHON ?= python3
NOTEBOOKS_VENV := .venv-notebooks
NOTEBOOKS_OUT := out/notebooks
NOTEBOOKS_JOBS ?= 2

# The commit is stamped into the binary wherever git can name it.
BUILDVCS = $(shell git status --porcelain >/dev/null 2>&1 && echo true || echo false)

.PHONY: help build demo check format vet lint arch tidy fmt test race determinism fuzz-short bench bench-step experiments results report-check notebooks notebooks-runs notebooks-execute clean

help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/brokerlab
	$(GO) build -buildvcs=$(BUILDVCS) -o bin/brokerlab ./cmd/brokerlab

demo: build ## build, then judge one simulated minute of faults: brokerlab run quickstart
	bin/brokerlab run quickstart

check: format vet lint arch tidy ## gofumpt, vet, staticcheck, the architecture test, tidy modules

format: $(GOFUMPT) ## fail if gofumpt would change a file (make fmt changes it)
	@files=$$($(GOFUMPT) -l .); if [[ -n "$$files" ]]; then \
		printf 'gofumpt would change these files; run "make fmt":\n%s\n' "$$files" >&2; exit 1; fi

vet: ## go vet
	$(GO) vet ./...

lint: $(STATICCHECK) ## staticcheck
	$(STATICCHECK) ./...

arch: ## the architecture test: who sees whom, purity, sizes
	$(GO) test -count=1 -run '^TestArchitecture' ./experiments

tidy: ## fail if go mod tidy would change go.mod or go.sum
	$(GO) mod tidy -diff

fmt: $(GOFUMPT) ## rewrite files as gofumpt has them
	$(GOFUMPT) -w .

test: ## every test
	$(GO) test -timeout 15m ./...

race: ## the packages with goroutines, under the race detector
	@.ci/race $(RACE_PACKAGES)

determinism: build ## every seed of SEEDS run in two processes: same trace, same verdict
	@.ci/determinism bin/brokerlab $(EXPERIMENT) $(SEEDS)

fuzz-short: ## every fuzz target for FUZZTIME
	@.ci/fuzz-short $(FUZZTIME)

bench: ## benchmarks matching BENCH, for BENCHTIME each
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem ./...

bench-step: build ## each design's Step by kind of input, its work, and what a unit of work costs, as tables
	@mkdir -p out
	@bin/brokerlab calibrate --step >out/step.txt
	@cat out/step.txt

experiments: build ## every study and judged experiment at SIZE (small, full) into REPORT, and one page about all: REPORT/report.html
	@status=0; began=$$SECONDS; \
	bin/brokerlab run all --size $(SIZE) --out '$(REPORT)' || status=$$?; \
	page=$$(bin/brokerlab report '$(REPORT)'); \
	printf 'report: %s (all of it took %d s)\n' "$$page" $$((SECONDS - began)); exit $$status

results: build ## keep the small results of all studies in the tree, with the pictures of the README (see results_test.go)
	@.ci/results bin/brokerlab experiments/studies/testdata/small experiments/figures/gallery

report-check: ## look at REPORT/report.html with a headless Chromium, if there is one: whole, and nothing missing
	@.ci/report-check '$(REPORT)/report.html'

notebooks: notebooks-runs ## make the notebooks' runs, then execute the notebooks and write them back (Python 3.11 or later)
	@$(MAKE) --no-print-directory notebooks-execute

notebooks-runs: build
	@rm -rf $(NOTEBOOKS_OUT)
	@.ci/notebook-runs bin/brokerlab $(NOTEBOOKS_OUT) $(NOTEBOOKS_JOBS)

notebooks-execute: $(NOTEBOOKS_VENV)/ready ## execute the notebooks over the runs that are in out/notebooks
	@printf 'notebooks, executed:\n'
	@$(NOTEBOOKS_VENV)/bin/python notebooks/execute.py --runs $(NOTEBOOKS_OUT) $(if $(CI),--strict)

# The environment is made anew when a pin changes.
$(NOTEBOOKS_VENV)/ready: notebooks/requirements.txt
	@printf 'environment of the notebooks: %s\n' $(NOTEBOOKS_VENV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "the notebooks need Python 3.11 or later: make notebooks PYTHON=...")'
	@rm -rf $(NOTEBOOKS_VENV)
	@$(PYTHON) -m venv $(NOTEBOOKS_VENV)
	@$(NOTEBOOKS_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps -r $<
	@$(NOTEBOOKS_VENV)/bin/pip check >/dev/null
	@touch $@

clean: ## remove what make made: bin, out, .tools, .venv-notebooks
	rm -rf bin out .tools $(NOTEBOOKS_VENV)

# install builds one tool into .tools under a name that carries its version, so that
# another pin is another file.
define install
@mkdir -p .tools
GOBIN='$(CURDIR)/.tools' $(GO) install $(1)@$(2)
@mv .tools/$(notdir $(1)) $@
endef

$(GOFUMPT):
	$(call install,mvdan.cc/gofumpt,$(GOFUMPT_VERSION))

$(STATICCHECK):
	$(call install,honnef.co/go/tools/cmd/staticcheck,$(STATICCHECK_VERSION))
