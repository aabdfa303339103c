FROM swift:6.3-bookworm AS build
# hadolint ignore=DL3008 # the newest of one Debian release is what is wanted: it differs by security fixes alone
RUN apt-get update \
 && apt-get install -y --no-install-recommends libsqlite3-dev libssl-dev pkg-config zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# The packages have a layer of their own, made anew only when the manifest changes.
COPY Package.swift .
RUN swift package resolve
# SwiftPM wants a folder for every test target that the manifest names, and the tests are not needed here: a change to
# one would build everything anew.
# hadolint ignore=SC2013 # the names hold no blanks
RUN for tests in $(sed -nE 's/.*"([A-Za-z]+Tests)".*/\1/p' Package.swift); do \
      mkdir -p "Tests/$tests" && touch "Tests/$tests/None.swift" || exit 1; \
    done
COPY Sources Sources
COPY Examples Examples
COPY openapi.yaml openapi.json ./
RUN swift build -c release --static-swift-stdlib --product logbook
COPY scripts/image-root scripts/image-root
COPY LICENSE .
ARG SOURCE_DATE_EPOCH=0
RUN scripts/image-root "$(swift build -c release --static-swift-stdlib --show-bin-path)/logbook" /image \
 && install -d /image-data \
 && touch --date "@$SOURCE_DATE_EPOCH" /image-data

# Nothing to log into, and nothing to update but the program and what it links.
FROM scratch
COPY --from=build /image/ /
COPY --from=build --chown=10001:10001 /image-data /data
# By number, for Kubernetes' runAsNonRoot cannot tell what a name stands for.
USER 10001:10001
VOLUME /data
EXPOSE 8080
# Other containers of a network call it by its own name.
ENV LOGBOOK_LISTEN=0.0.0.0:8080 LOGBOOK_DATABASE=/data/logbook.db LOGBOOK_ALLOWED_HOST=logbook
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/usr/local/bin/logbook", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/logbook"]
CMD ["serve"]
# Last, for they change with every build.
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Logbook" \
      org.opencontainers.image.description="Durable, queryable Kubernetes events: an HTTP service over one SQLite file" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
