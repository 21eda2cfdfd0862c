package main

import (
	"log/slog"

	"go.temporal.io/sdk/client"

	"handoff/internal/payloadcodec"
	"handoff/internal/temporalclient"
)

// temporalFlags say where Temporal is, and how to be let in. The variables are those of Temporal's own tools and SDKs.
type temporalFlags struct {
	TemporalAddress    string `help:"host:port of Temporal's frontend, or a gRPC target such as passthrough:///temporal:7233 where the name server does not answer SRV and TXT queries." env:"TEMPORAL_ADDRESS" default:"127.0.0.1:7233" group:"Temporal"`
	TemporalNamespace  string `help:"Temporal namespace; migrate makes it where it is missing, except in Temporal Cloud." env:"TEMPORAL_NAMESPACE" default:"default" group:"Temporal"`
	TemporalAPIKey     string `help:"API key for Temporal, as Temporal Cloud gives it. Turns TLS on." env:"TEMPORAL_API_KEY" group:"Temporal"`
	TemporalTLS        *bool  `help:"Speak TLS with Temporal. Without it: where an API key or one of the files below is given." env:"TEMPORAL_TLS" negatable:"" group:"Temporal"`
	TemporalTLSCA      string `name:"temporal-tls-ca" placeholder:"FILE" help:"File of the certificates (PEM) that Temporal's is checked against; the system's without it." env:"TEMPORAL_TLS_SERVER_CA_CERT_PATH" group:"Temporal"`
	TemporalTLSCert    string `placeholder:"FILE" help:"File of the certificate (PEM) that is shown to Temporal, for mutual TLS. It is read for each connection, so it may be renewed in place." env:"TEMPORAL_TLS_CLIENT_CERT_PATH" group:"Temporal"`
	TemporalTLSKey     string `placeholder:"FILE" help:"File of that certificate's key (PEM)." env:"TEMPORAL_TLS_CLIENT_KEY_PATH" group:"Temporal"`
	TemporalServerName string `help:"Name that Temporal's certificate has, where it is not the host of the address." env:"TEMPORAL_TLS_SERVER_NAME" group:"Temporal"`
}

func (f temporalFlags) dial(log *slog.Logger, codec *payloadcodec.Codec, options ...func(*temporalclient.Config)) (client.Client, error) {
	config := temporalclient.Config{
		Address: f.TemporalAddress, Namespace: f.TemporalNamespace, Log: log, Codec: codec, APIKey: f.TemporalAPIKey,
		TLS: temporalclient.TLS{
			Enabled: f.TemporalTLS, CAFile: f.TemporalTLSCA, CertFile: f.TemporalTLSCert, KeyFile: f.TemporalTLSKey, ServerName: f.TemporalServerName,
		},
	}
	for _, option := range options {
		option(&config)
	}
	return temporalclient.Dial(config)
}
