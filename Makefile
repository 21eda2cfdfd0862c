# Everything a developer runs. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
GO    ?= go
BIN   := $(CURDIR)/bin
export GOFLAGS ?= -buildvcs=auto
export GOTOOLCHAIN ?= local

# What `handoff version` says. The date is the commit's, so that two builds of a commit are the same. A tarball has none of it.
STAMP := -X main.buildVersion=$(shell git describe --tags --always --dirty 2>/dev/null) \
	-X main.buildCommit=$(shell git rev-parse HEAD 2>/dev/null) \
	-X main.buildDate=$(shell TZ=UTC0 git log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ 2>/dev/null)

.DEFAULT_GOAL := help

## help: list the targets
.PHONY: help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST) | awk -F': ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

## run: run everything on this machine (PostgreSQL, Temporal and its UI, API, worker, fake gateway)
.PHONY: run
run: build
	@exec $(BIN)/handoff dev $(ARGS)

## build: build the binary into bin/
.PHONY: build
build:
	@[ -x $(BIN)/handoff ] || echo "handoff: building, once (a minute or more; after that a second)" >&2
	@$(GO) build -ldflags '$(STAMP)' -o $(BIN)/handoff ./cmd/handoff

# These keep the machine busy for a minute or more, in which crashes and outages beside them would take longer than their tests allow.
AFTERWARDS := /tests/(contract|e2e|history)$$

## test: run all tests; needs nothing running and leaves nothing running
.PHONY: test
test:
	@$(GO) vet ./...
	@$(GO) build -o $(BIN)/testrun ./internal/testenv/testrun
	@$(BIN)/testrun -- $(GO) test -timeout 12m $(ARGS) $$($(GO) list ./... | grep -vE '$(AFTERWARDS)')
	@$(BIN)/testrun -- $(GO) test -p 1 -timeout 12m $(ARGS) $$($(GO) list ./... | grep -E '$(AFTERWARDS)')
	@$(GO) -C devserver test ./...

## race: run all tests with the race detector
.PHONY: race
race:
	@$(GO) build -o $(BIN)/testrun ./internal/testenv/testrun
	@$(BIN)/testrun -- $(GO) test -race -timeout 20m $(ARGS) ./...

## lint: gofmt, vet, golangci-lint and workflowcheck
.PHONY: lint
lint: $(BIN)/golangci-lint $(BIN)/workflowcheck
	@unformatted=$$(git ls-files '*.go' | xargs gofmt -l); if [ -n "$$unformatted" ]; then echo "gofmt these:"; echo "$$unformatted"; exit 1; fi
	@$(GO) vet ./...
	@$(GO) -C devserver vet ./...
	@$(BIN)/golangci-lint run ./...
	@$(BIN)/workflowcheck ./workflows/...

## generate: write generated code, the OpenAPI document, its clients, the Bruno collection and the reference of settings anew
.PHONY: generate
generate: $(BIN)/sqlc $(BIN)/oapi-codegen build
	@$(BIN)/sqlc generate
	@$(BIN)/handoff openapi > api/openapi.yaml
	@$(BIN)/handoff configuration > docs/configuration.md
	@tools/clients.sh write

## verify: prove that all of that and go.mod are current, that no known vulnerability is called, and fuzz the parsers for a moment
.PHONY: verify
verify: $(BIN)/sqlc $(BIN)/oapi-codegen build vulncheck fuzz
	@$(BIN)/sqlc diff
	@$(BIN)/handoff openapi | diff -u api/openapi.yaml - || { echo "api/openapi.yaml is not current: run make generate"; exit 1; }
	@$(BIN)/handoff configuration | diff -u docs/configuration.md - || { echo "docs/configuration.md is not current: run make generate"; exit 1; }
	@tools/clients.sh check
	@$(GO) mod tidy -diff
	@$(GO) -C devserver mod tidy -diff

## vulncheck: compare what is built with the Go vulnerability database (https://vuln.go.dev or GOVULNDB); says so where it cannot
.PHONY: vulncheck
vulncheck: $(BIN)/govulncheck
	@tools/vulncheck.sh $(BIN)/govulncheck

## fuzz: fuzz every parser for FUZZTIME (2s) each
FUZZTIME ?= 2s
.PHONY: fuzz
fuzz:
	@tools/fuzz.sh $(FUZZTIME)

## histories: record the workflow histories that the replay test replays
.PHONY: histories
histories:
	@HANDOFF_RECORD_HISTORIES=1 $(GO) test ./workflows -run TestRecordHistories -count=1 -v

## alerts: test deploy/prometheus/alerts.yaml with Prometheus' own query engine (builds it once, a minute or more)
.PHONY: alerts
alerts:
	@$(GO) -C tests/alerts vet ./...
	@$(GO) -C tests/alerts test ./...
	@$(GO) build -C tests/alerts -o $(BIN)/alerts .
	@$(GO) build -o $(BIN)/testrun ./internal/testenv/testrun
	@HANDOFF_ALERTS=$(BIN)/alerts $(BIN)/testrun -- $(GO) test -count=1 $(ARGS) ./tests/metrics

## deploy-check: test docker-compose.yml, the images, the Kubernetes manifests and the units (builds Docker's and Kubernetes' libraries once)
.PHONY: deploy-check
deploy-check:
	@$(GO) -C tests/deploy vet ./...
	@$(GO) -C tests/deploy test -count=1 $(ARGS) ./...

## bench: measure latency and throughput on this machine
.PHONY: bench
bench:
	@$(GO) run ./tests/bench $(ARGS)

## scale: measure lists and searches among 100,000 conversations
.PHONY: scale
scale:
	@$(GO) build -o $(BIN)/testrun ./internal/testenv/testrun
	@HANDOFF_SCALE=100000 $(BIN)/testrun -- $(GO) test -count=1 -timeout 10m ./api -run TestListsAndSearches -v $(ARGS)

## clean: delete what was built
.PHONY: clean
clean:
	@rm -rf $(BIN)

# The tools have a module of their own, so that the product's stays short.
build-tool = @mkdir -p $(BIN) && echo "building $(@F) (once)" && $(GO) build -C tools -o $@ $(1)

$(BIN)/golangci-lint: tools/go.mod
	$(call build-tool,github.com/golangci/golangci-lint/v2/cmd/golangci-lint)

$(BIN)/govulncheck: tools/vuln/go.mod
	@mkdir -p $(BIN) && echo "building $(@F) (once)" && $(GO) build -C tools/vuln -o $@ golang.org/x/vuln/cmd/govulncheck

$(BIN)/oapi-codegen: tools/go.mod
	$(call build-tool,github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen)

$(BIN)/sqlc: tools/go.mod
	$(call build-tool,github.com/sqlc-dev/sqlc/cmd/sqlc)

$(BIN)/workflowcheck: tools/go.mod
	$(call build-tool,go.temporal.io/sdk/contrib/tools/workflowcheck)
