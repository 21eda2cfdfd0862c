# syntax=docker/dockerfile:1
# The image of a release: goreleaser has built the binary, as Dockerfile would, and puts it beside this file by platform.
FROM golang:1.26.8 AS roots
RUN mkdir /media

FROM scratch
ARG TARGETPLATFORM
COPY --from=roots /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY $TARGETPLATFORM/handoff /handoff
COPY --from=roots --chown=65532:65532 /media /var/lib/handoff/media
USER 65532:65532
EXPOSE 8080 8081 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s --retries=3 CMD ["/handoff", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/handoff"]
CMD ["serve"]
