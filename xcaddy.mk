# Builds, tests and runs Gatehouse. Run it from the top of the repository:
#
#	make -f xcaddy.mk            lists the targets
#
# The versions of Caddy and of every library come from go.mod; those of the tools are here.
XCADDY_VERSION        := v0.4.5
GOLANGCI_LINT_VERSION := v2.15.0

MODULE        := github.com/gatehouse-id/gatehouse
CADDY_VERSION  = $(shell go list -m -f '{{.Version}}' github.com/caddyserver/caddy/v2)
XCADDY        := bin/xcaddy-$(XCADDY_VERSION)
GOLANGCI_LINT := bin/golangci-lint-$(GOLANGCI_LINT_VERSION)
PLUGINS       := $(patsubst plugins/%/main.go,%,$(wildcard plugins/*/main.go))

# The end-to-end tests drive the built binary and a real browser; without these variables they fail.
TEST_ENV = GATEHOUSE_BIN="$(CURDIR)/gatehouse" GATEHOUSE_CHROMIUM="$$(scripts/chromium)"
BENCH   ?= ./...
FUZZTIME ?= 10s

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
ifeq ($(wildcard xcaddy.mk),)
$(error run it from the top of the repository, or add -C and its path)
endif

.PHONY: help
help: ## list the targets (default)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' xcaddy.mk

.PHONY: build
build: $(XCADDY) ## build ./gatehouse with xcaddy
	go mod download
	XCADDY_WHICH_GO="$(CURDIR)/scripts/xcaddy-go" GOPROXY=off $(XCADDY) build $(CADDY_VERSION) --output ./gatehouse \
		--with $(MODULE)/caddymodule --replace $(MODULE)="$(CURDIR)"

.PHONY: run
run: build plugins ## build and serve Caddyfile.example on http://localhost:8080
	./gatehouse run --config Caddyfile.example

.PHONY: test
test: build plugins chromium ## run every test, end to end and in a browser, after installing what they need
	go vet ./...
	@command -v npm >/dev/null || echo "NOT TESTED: Ory's JavaScript clients, which need Node.js 20 or newer"
	$(TEST_ENV) go test -timeout 15m ./...

.PHONY: race
race: build plugins chromium ## run every test under the race detector
	$(TEST_ENV) go test -race -timeout 25m ./...

.PHONY: lint
lint: $(GOLANGCI_LINT) ## check format, style, file lengths and package sentences
	@echo "gofmt"; unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "run gofmt -w on:" $$unformatted; exit 1; }
	@echo "files of at most 500 lines"; find . -name '*.go' -exec awk 'END { if (FNR > 500) print FILENAME ": " FNR " lines" }' {} \; \
		| awk '{ print } END { exit NR > 0 }'
	go test -run 'TestImports|TestPackageSentences' ./internal/importgraph
	$(GOLANGCI_LINT) run ./...

.PHONY: fmt
fmt: ## format the code
	gofmt -w .

.PHONY: plugins
plugins: $(PLUGINS:%=plugin-%) ## build the sample plugins, plugins/*/*.wasm

.PHONY: plugin-%
plugin-%:
	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags='-s -w' -o plugins/$*/$*.wasm ./plugins/$*

.PHONY: bench
bench: ## run the benchmarks (BENCH=./core/session for some)
	go test -run '^$$' -bench . -benchmem -timeout 30m $(BENCH)

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (10s)
	@go test -list '^Fuzz' ./... | awk '/^Fuzz/ { names[++n] = $$1 } /^ok/ { for (i = 1; i <= n; i++) print $$2, names[i]; n = 0 }' \
		| while read -r pkg name; do echo "$$pkg $$name"; go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) "$$pkg"; done

.PHONY: cover
cover: build plugins chromium ## test coverage per package, counting what any test reaches
	$(TEST_ENV) go test -timeout 15m -coverpkg=./... -coverprofile=coverage.out ./...
	@awk -f scripts/coverage.awk coverage.out

.PHONY: oracle
oracle: build ## compare with recorded answers of Kratos (KIT=folder of the kit)
	@test -n "$(KIT)" || { echo "say where the kit is: make -f xcaddy.mk oracle KIT=folder"; exit 1; }
	test/oracle/run.sh "$(KIT)" ./gatehouse

.PHONY: clean
clean: ## remove what was built
	rm -rf gatehouse bin coverage.out $(PLUGINS:%=plugins/%/%.wasm)

.PHONY: chromium
chromium:
	@scripts/chromium

# Tools are installed once per version: a new pin is a new file.
$(XCADDY):
	GOBIN="$(CURDIR)/bin" go install github.com/caddyserver/xcaddy/cmd/xcaddy@$(XCADDY_VERSION)
	mv bin/xcaddy $@

$(GOLANGCI_LINT):
	GOBIN="$(CURDIR)/bin" go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv bin/golangci-lint $@
