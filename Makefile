# `make run` is all that a newcomer needs; `make help` lists the rest.

LOGBOOK_LISTEN ?= 127.0.0.1:8080
LOGBOOK_DATABASE ?= ./data/logbook.db
# .ci/run adds -Xswiftc -warnings-as-errors. Not here, because a newer compiler's new warning must
# not stop a newcomer.
SWIFT_FLAGS ?=

PREFIX ?= /usr/local

# With the Swift runtime inside, the program runs wherever libsqlite3 is.
RELEASE = swift build -c release --static-swift-stdlib --product logbook $(SWIFT_FLAGS)
BINARY = $(CURDIR)/.build/release/logbook
VENV = .build/venv/bin

# By default, Swift Testing would start all tests at once. A test that then waits resumes minutes
# later, after all others, when its deadlines have passed. `swift test --num-workers` is only for
# XCTest.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH ?= 4

.DEFAULT_GOAL := help
.PHONY: run build test smoke-postgresql test-postgresql test-kubernetes sanitize lint format document bench install deb image image-postgresql clean help
# One `swift build` at a time, because two would wait for each other's lock on .build.
.NOTPARALLEL:

run: build ## build, then serve on 127.0.0.1:8080 with ./data/logbook.db
	@mkdir -p "$$(dirname "$(LOGBOOK_DATABASE)")"
	@exec "$(BINARY)" serve --listen "$(LOGBOOK_LISTEN)" --database "$(LOGBOOK_DATABASE)"

build: ## build the release program, after installing what that needs
	@scripts/setup build
	$(RELEASE)

test: build ## run the unit and end-to-end tests, then the contract tests
	@scripts/setup test
	LOGBOOK_BINARY="$(BINARY)" swift test $(SWIFT_FLAGS)
	LOGBOOK_BINARY="$(BINARY)" PYTHONDONTWRITEBYTECODE=1 $(VENV)/pytest -p no:cacheprovider -q Tests/Contract

smoke-postgresql: build ## run a tenth of the contract tests on a real PostgreSQL
	@scripts/setup test
	LOGBOOK_TEST_STORE=postgresql LOGBOOK_BINARY="$(BINARY)" PYTHONDONTWRITEBYTECODE=1 \
	  $(VENV)/pytest -p no:cacheprovider -q Tests/Contract/test_streams.py Tests/Contract/test_filters.py

test-postgresql: build ## run the end-to-end and contract tests again, on a real PostgreSQL
	@scripts/setup test
	LOGBOOK_TEST_STORE=postgresql LOGBOOK_BINARY="$(BINARY)" swift test $(SWIFT_FLAGS) --filter '^EndToEndTests\.'
	LOGBOOK_TEST_STORE=postgresql LOGBOOK_BINARY="$(BINARY)" PYTHONDONTWRITEBYTECODE=1 \
	  $(VENV)/pytest -p no:cacheprovider -q Tests/Contract

test-kubernetes: build ## run the tests against a real API server, which takes 8 minutes to build once
	@scripts/setup test
	@scripts/kube build
	LOGBOOK_BINARY="$(BINARY)" PYTHONDONTWRITEBYTECODE=1 $(VENV)/pytest -p no:cacheprovider -q Tests/Kubernetes

sanitize: ## run the Swift tests under the address and the thread sanitizer
	@scripts/setup build test
	scripts/sanitize address
	scripts/sanitize thread

lint: build ## check format, imports, scripts, Dockerfile, openapi.yaml and openapi.json
	@scripts/setup lint
	@scripts/lint "$(BINARY)"

format: ## format the Swift sources in place
	swift format --in-place --parallel --recursive Package.swift Sources Tests Examples bench

document: build ## make the table in docs/configuration.md from --help, openapi.json from openapi.yaml, and prometheusrule.yaml from alerts.yaml
	@scripts/setup lint
	scripts/document-flags "$(BINARY)" >.build/configuration.md
	cp .build/configuration.md docs/configuration.md
	$(VENV)/python3 scripts/openapi-json >.build/openapi.json
	cp .build/openapi.json openapi.json
	scripts/prometheus-rule >.build/prometheusrule.yaml
	cp .build/prometheusrule.yaml deploy/prometheus/prometheusrule.yaml

bench: build ## compare with nginx, and with SQLite alone: bench/README.md
	@scripts/setup bench
	bench/http.sh "$(BINARY)"
	bench/post.sh "$(BINARY)"
	bench/tls.sh "$(BINARY)"
	bench/json.sh

# sudo has a PATH of its own, without the Swift toolchain, so it builds nothing.
install: ## install the program that `make build` has built in PREFIX, /usr/local
	@test -x "$(BINARY)" || { echo "Run \`make build\` first, as yourself; then sudo make install." >&2; exit 1; }
	install -D -m 755 "$(BINARY)" "$(DESTDIR)$(PREFIX)/bin/logbook"

deb: build ## build a Debian package with the systemd unit, manual pages and completions
	@scripts/deb "$(BINARY)" .build

DOCKER_BUILD = docker build --build-arg VERSION="$$(git describe --always --dirty 2>/dev/null || echo unknown)" \
  --build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
  --build-arg SOURCE_DATE_EPOCH="$$(git log -1 --format=%ct 2>/dev/null || echo 0)"

image: ## build the Docker image `logbook`
	$(DOCKER_BUILD) -t logbook .

image-postgresql: ## build the image `logbook:latest-postgresql`, which has libpq for --store
	$(DOCKER_BUILD) -t logbook:latest-postgresql --build-arg LOADED=libpq5 .

clean: ## remove what was built; ./data stays
	rm -rf .build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24
