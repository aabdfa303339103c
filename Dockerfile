FROM swift:6.3-bookworm AS build
# hadolint ignore=DL3008 # the newest of one Debian release is what is wanted: it differs by security fixes alone
RUN apt-get update \
 && apt-get install -y --no-install-recommends libsqlite3-dev libssl-dev pkg-config \
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
COPY Plugins Plugins
COPY Examples Examples
COPY openapi.yaml .
RUN swift build -c release --static-swift-stdlib --product logbook \
 && strip -o /logbook "$(swift build -c release --static-swift-stdlib --show-bin-path)/logbook"

FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends libsqlite3-0 libssl3 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 logbook \
 && useradd --uid 10001 --gid logbook --no-create-home --home-dir /data --shell /usr/sbin/nologin logbook \
 && install -d -o logbook -g logbook /data
COPY --from=build /logbook /usr/local/bin/logbook
# By number, for Kubernetes' runAsNonRoot cannot tell what a name stands for.
USER 10001:10001
VOLUME /data
EXPOSE 8080
ENV LOGBOOK_LISTEN=0.0.0.0:8080 LOGBOOK_DATABASE=/data/logbook.db
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/usr/local/bin/logbook", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/logbook"]
CMD ["serve"]
# Last, for it changes with every build.
ARG VERSION=unknown
LABEL org.opencontainers.image.title="Logbook" \
      org.opencontainers.image.description="An HTTP event store in one SQLite file" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim" \
      org.opencontainers.image.version="$VERSION"
