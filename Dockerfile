FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /handoff ./cmd/handoff && mkdir /media

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /handoff /handoff
# Where files are kept unless HANDOFF_MEDIA_URL says otherwise: a volume that is mounted here begins with this owner.
COPY --from=build --chown=65532:65532 /media /var/lib/handoff/media
USER 65532:65532
ENTRYPOINT ["/handoff"]
