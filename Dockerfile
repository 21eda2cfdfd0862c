# syntax=docker/dockerfile:1
# The product's image: one static binary that runs as nobody, and nothing else. Build it with its version:
#   docker build --build-arg VERSION=$(git describe --tags --always) --build-arg COMMIT=$(git rev-parse HEAD) -t handoff .

FROM --platform=$BUILDPLATFORM golang:1.26.8 AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-buildvcs=false
# The modules are a layer of their own: they change less often than the code.
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION=devel COMMIT="" DATE=""
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath \
      -ldflags "-s -w -X main.buildVersion=$VERSION -X main.buildCommit=$COMMIT -X main.buildDate=$DATE" -o /handoff ./cmd/handoff \
    && mkdir /media

FROM scratch
ARG VERSION=devel COMMIT=""
LABEL org.opencontainers.image.title="handoff" \
      org.opencontainers.image.description="A self-hosted, headless human-handoff server" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"
# Webhooks, Meta and Temporal are reached by TLS. Time zones are in the binary.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /handoff /handoff
# Where files are kept unless HANDOFF_MEDIA_URL says otherwise: a volume that is mounted here begins with this owner.
COPY --from=build --chown=65532:65532 /media /var/lib/handoff/media
USER 65532:65532
# The API, a worker's /readyz and serve's /metrics.
EXPOSE 8080 8081 9464
# It asks whichever of serve and worker runs in the container; the start covers a schema that is still being migrated.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s --retries=3 CMD ["/handoff", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/handoff"]
CMD ["serve"]
