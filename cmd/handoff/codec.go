package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"time"

	"handoff/api"
	"handoff/internal/outbound"
	"handoff/internal/payloadcodec"
	"handoff/internal/signin"
)

// codecFlags say where the Temporal UI may have payloads opened, and by whom.
type codecFlags struct {
	CodecListen   string `help:"Address of the codec endpoint, by which the Temporal UI shows sealed payloads, such as 127.0.0.1:8234; none by default." env:"HANDOFF_CODEC_LISTEN" group:"Temporal"`
	CodecIssuer   string `help:"OpenID issuer whose access tokens the codec endpoint asks for. Without one it listens on this machine only." env:"HANDOFF_CODEC_ISSUER" group:"Temporal"`
	CodecAudience string `help:"Audience that those tokens must be for." env:"HANDOFF_CODEC_AUDIENCE" group:"Temporal"`
}

// listen opens the codec endpoint's port: nil for none.
func (f codecFlags) listen(ctx context.Context) (net.Listener, error) {
	if f.CodecListen == "" {
		return nil, nil //nolint:nilnil // no endpoint is no error
	}
	address, err := net.ResolveTCPAddr("tcp", f.CodecListen)
	if err != nil {
		return nil, fmt.Errorf("read HANDOFF_CODEC_LISTEN: %w", err)
	}
	if f.CodecIssuer == "" && !address.IP.IsLoopback() {
		return nil, errors.New("HANDOFF_CODEC_LISTEN is no address of this machine alone, and the endpoint would open payloads for everybody: " +
			"set HANDOFF_CODEC_ISSUER and HANDOFF_CODEC_AUDIENCE, or listen on 127.0.0.1 behind a proxy that asks who it is")
	}
	if f.CodecIssuer != "" && f.CodecAudience == "" {
		return nil, errors.New("HANDOFF_CODEC_AUDIENCE is missing: tokens that the issuer made for other services would be taken")
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", f.CodecListen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (HANDOFF_CODEC_LISTEN): %w", f.CodecListen, err)
	}
	return listener, nil
}

// verify checks tokens of the issuer, nil where there is none.
func (f codecFlags) verify(poster *outbound.Client) func(context.Context, string) error {
	if f.CodecIssuer == "" {
		return nil
	}
	verifier := signin.New(poster, time.Now)
	trust := signin.Trust{Issuer: f.CodecIssuer, Audience: f.CodecAudience, Algorithms: signin.Algorithms}
	return func(ctx context.Context, token string) error {
		_, err := verifier.Verify(ctx, trust, token)
		return err
	}
}

// serveCodec answers the Temporal UI until ctx is done.
func (f codecFlags) serveCodec(ctx context.Context, log *slog.Logger, s *stack, listener net.Listener) error {
	handler := payloadcodec.Endpoint(s.codec, payloadcodec.Access{Namespace: s.namespace, Origins: originsOf(s.uiURL), Verify: f.verify(s.poster), Log: log})
	log.InfoContext(ctx, "serving the codec endpoint", "address", listener.Addr().String())
	return runHTTP(ctx, api.Server(listener.Addr().String(), handler), listener)
}

// originsOf is the origin of the Temporal UI, as a browser writes it.
func originsOf(ui string) []string {
	u, err := url.Parse(ui)
	if err != nil || u.Host == "" {
		return nil
	}
	return []string{u.Scheme + "://" + u.Host}
}
