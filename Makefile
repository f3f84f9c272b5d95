# imglish: two commands do everything: `make demo` and `make test`. Each does its own set-up, once.
SHELL := /bin/bash
CACHE := .cache
TAGS  := $(shell test -f $(CACHE)/tokenizers/libtokenizers.a && echo tokenizers)
export CGO_LDFLAGS := $(if $(TAGS),-L$(CURDIR)/$(CACHE)/tokenizers)
GOFLAGS_BUILD := $(if $(TAGS),-tags $(TAGS))

# Packages that run goroutines, processes or lanes; the race detector goes over them.
CONCURRENT := ./pipeline/... ./store/... ./stages/... ./mixer/... ./sentencepiece/...

.PHONY: help setup build demo test race kafka chaos leaders fuzz lint golden clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20

setup: ## install what building and testing need (libvips, the Rust tokenizers library, Kafka); does nothing twice
	@build/setup.sh

build: setup ## leave bin/imglish
	@$(MAKE) --no-print-directory binary

.PHONY: binary
binary:
	go build $(GOFLAGS_BUILD) -o bin/imglish ./cmd/imglish

demo: build ## sources to a model that learns, in under 5 minutes, with a summary and pictures
	@build/demo-data.sh
	bin/imglish demo

test: setup ## all tests, then the race detector on the concurrent packages
	@$(MAKE) --no-print-directory check

.PHONY: check
check:
	go vet $(GOFLAGS_BUILD) ./...
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt: $$(gofmt -l $$(git ls-files '*.go'))"; exit 1; }
	go test $(GOFLAGS_BUILD) -timeout 30m ./...
	go test $(GOFLAGS_BUILD) -timeout 30m -race -short $(CONCURRENT)
	@$(MAKE) --no-print-directory nocgo

.PHONY: nocgo
nocgo: ## what computes, built without C: the plain Go reference does the work
	CGO_ENABLED=0 go test ./tensor/... ./cpu/... ./pixels ./trainer ./vqkd/...

race: setup ## the race detector on every package, short tests
	go test $(GOFLAGS_BUILD) -race -short -timeout 60m ./...

KAFKA_DIR ?= $(CACHE)/kafka/data
KAFKA_PORT ?= 9092
KAFKA_BROKERS ?= 1
kafka: setup ## run Apache Kafka in the foreground (KAFKA_DIR, KAFKA_PORT, KAFKA_BROKERS=1 or 3); Ctrl-C ends it
	@go run ./pipeline/kafkatest/broker -dir $(KAFKA_DIR) -port $(KAFKA_PORT) -brokers $(KAFKA_BROKERS)

KILLS ?= 200
RECORDS ?= 500000
SEED ?= 0
chaos: setup ## kill, stop and cut off a line on Kafka, then count its records (KILLS of each stage, RECORDS, SEED)
	@go run ./pipeline/chaos -kills $(KILLS) -records $(RECORDS) -seed $(SEED)

leaders: setup ## a line on three brokers that are killed, restarted and paused; some minutes
	IMGLISH_TEST_LONG=1 go test $(GOFLAGS_BUILD) ./pipeline -run TestThreeBrokers -v -count=1 -timeout 20m

.PHONY: diff-train
diff-train: ## train beside Google's spm_train: tokens, time, memory; half an hour, 200 MB of downloads
	@build/sentencepiece/install.sh $(CACHE)/sentencepiece
	@build/demo-data.sh
	@build/sentencepiece/train_texts.py $(CACHE)/train-texts
	@$(MAKE) --no-print-directory binary
	build/sentencepiece/diff_train.py $(CACHE)/train-texts $(CACHE)/sentencepiece/bin bin/imglish

FUZZTIME ?= 30s
fuzz: setup ## each fuzz target for FUZZTIME (default 30s)
	@build/fuzz.sh $(FUZZTIME)

lint: setup ## go vet, gofmt and staticcheck
	go vet $(GOFLAGS_BUILD) ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 $(GOFLAGS_BUILD) ./...

DIFF_LINES ?= 1000000
DIFF_FLAGS ?=
.PHONY: diff-sentencepiece
diff-sentencepiece: ## compare sentencepiece/ with Google's own library on DIFF_LINES lines; builds that library once
	@build/sentencepiece/install.sh $(CACHE)/sentencepiece
	@build/demo-data.sh
	go build -o bin/diff-sentencepiece ./sentencepiece/diff
	bin/diff-sentencepiece -lines $(DIFF_LINES) $(DIFF_FLAGS)

golden: setup ## write the golden files again; review the diff
	go test $(GOFLAGS_BUILD) $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n1 dirname | sort -u) -update

BENCH ?=
BENCHFLAGS ?=
.PHONY: bench
bench: ## side by side with peers on this machine: BENCH=pass-1k or nothing for all, BENCHFLAGS="-rounds 9"
	go build -o bin/bench ./bench
	bin/bench $(BENCHFLAGS) $(BENCH)

clean: ## remove what was built, not what was downloaded
	rm -rf bin demo-run
