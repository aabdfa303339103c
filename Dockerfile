FROM swift:6.3-bookworm AS build
# hadolint ignore=DL3008 # the newest packages of one Debian release differ only by security fixes
RUN apt-get update \
 && apt-get install -y --no-install-recommends libsqlite3-dev libssl-dev pkg-config zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# The packages have their own layer, rebuilt only when the manifest changes.
COPY Package.swift .
RUN swift package resolve
# SwiftPM needs a folder for every test target in the manifest. The tests themselves are left out,
# because a change to one would rebuild everything.
# hadolint ignore=SC2013 # the names hold no blanks
RUN for tests in $(sed -nE 's/.*"([A-Za-z]+Tests)".*/\1/p' Package.swift); do \
      mkdir -p "Tests/$tests" && touch "Tests/$tests/None.swift" || exit 1; \
    done
COPY Sources Sources
COPY Examples Examples
COPY openapi.yaml openapi.json ./
RUN swift build -c release --static-swift-stdlib --product logbook
# The package of the library that the program loads for --store; `make image-postgresql` sets libpq5.
ARG LOADED=""
# hadolint ignore=DL3008
RUN if [ -n "$LOADED" ]; then \
      apt-get update \
       && apt-get install -y --no-install-recommends "$LOADED" \
       && rm -rf /var/lib/apt/lists/*; \
    fi
COPY scripts/image-root scripts/image-root
COPY LICENSE .
ARG SOURCE_DATE_EPOCH=0
RUN scripts/image-root "$(swift build -c release --static-swift-stdlib --show-bin-path)/logbook" /image ${LOADED:+"$LOADED"} \
 && install -d /image-data \
 && touch --date "@$SOURCE_DATE_EPOCH" /image-data

# Nothing to log in to, and nothing to update except the program and its libraries.
FROM scratch
COPY --from=build /image/ /
COPY --from=build --chown=10001:10001 /image-data /data
# A number, because Kubernetes' runAsNonRoot cannot resolve a name.
USER 10001:10001
VOLUME /data
EXPOSE 8080
# Other containers of the network use its own name.
ENV LOGBOOK_LISTEN=0.0.0.0:8080 LOGBOOK_DATABASE=/data/logbook.db LOGBOOK_ALLOWED_HOST=logbook
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/usr/local/bin/logbook", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/logbook"]
CMD ["serve"]
# Last, because they change with every build.
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Logbook" \
      org.opencontainers.image.description="Durable, queryable Kubernetes events: an HTTP service over one SQLite file, or PostgreSQL" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
