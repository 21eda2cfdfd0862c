package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"

	"handoff/db"
	"handoff/internal/admin"
	"handoff/internal/outbound"
	"handoff/internal/secretbox"
	"handoff/internal/temporalclient"
)

// postgresFlags say where the database is.
type postgresFlags struct {
	DatabaseURL string `help:"PostgreSQL's connection string." env:"DATABASE_URL" required:"" placeholder:"postgres://…"`
	Connections int32  `help:"How many connections a process opens at most; 0 for four per core." env:"HANDOFF_DB_CONNECTIONS" default:"0"`
}

func (f postgresFlags) open(ctx context.Context) (*pgxpool.Pool, error) {
	return db.Open(ctx, f.DatabaseURL, f.Connections)
}

// temporalFlags say where Temporal is.
type temporalFlags struct {
	TemporalAddress   string `help:"host:port of Temporal's frontend." env:"TEMPORAL_ADDRESS" default:"127.0.0.1:7233"`
	TemporalNamespace string `help:"Temporal namespace." env:"TEMPORAL_NAMESPACE" default:"default"`
}

func (f temporalFlags) dial(log *slog.Logger) (client.Client, error) {
	return temporalclient.Dial(temporalclient.Config{Address: f.TemporalAddress, Namespace: f.TemporalNamespace, Log: log})
}

// secretFlags give the key set that seals secrets at rest.
type secretFlags struct {
	Keyset     string `help:"Key set for secrets at rest, as handoff keyset prints it." env:"HANDOFF_KEYSET"`
	KeysetFile string `help:"File that holds the key set, instead of HANDOFF_KEYSET." env:"HANDOFF_KEYSET_FILE" type:"path"`
}

func (f secretFlags) box() (*secretbox.Box, error) {
	keyset := f.Keyset
	if keyset == "" && f.KeysetFile != "" {
		content, err := os.ReadFile(f.KeysetFile)
		if err != nil {
			return nil, fmt.Errorf("read HANDOFF_KEYSET_FILE: %w", err)
		}
		keyset = string(content)
	}
	if strings.TrimSpace(keyset) == "" {
		return nil, errors.New("HANDOFF_KEYSET or HANDOFF_KEYSET_FILE is missing: make a key set once with `handoff keyset` and keep it; " +
			"without it the secrets in the database cannot be read")
	}
	return secretbox.New(keyset)
}

// outboundFlags say which addresses webhooks may be sent to. They are the operator's and never a tenant's.
type outboundFlags struct {
	AllowLoopback   bool     `help:"Let webhooks go to this machine, by http too. For development." env:"HANDOFF_ALLOW_LOOPBACK"`
	AllowHTTP       bool     `help:"Let webhooks go to http:// URLs." env:"HANDOFF_ALLOW_HTTP"`
	AllowedNetworks []string `help:"Private networks that webhooks may go to, such as 10.1.0.0/16." env:"HANDOFF_ALLOWED_NETWORKS"`
}

func (f outboundFlags) client() (*outbound.Client, error) {
	config := outbound.Config{AllowLoopback: f.AllowLoopback, AllowHTTP: f.AllowHTTP}
	for _, text := range f.AllowedNetworks {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("read HANDOFF_ALLOWED_NETWORKS: %w", err)
		}
		config.AllowPrivateCIDRs = append(config.AllowPrivateCIDRs, network)
	}
	return outbound.NewClient(config), nil
}

// adminFlags are what the set-up commands need: they work straight on the database.
type adminFlags struct {
	postgresFlags
	secretFlags
	outboundFlags
}

func (f adminFlags) admin(ctx context.Context) (admin.Admin, func(), error) {
	box, err := f.box()
	if err != nil {
		return admin.Admin{}, nil, err
	}
	poster, err := f.client()
	if err != nil {
		return admin.Admin{}, nil, err
	}
	pool, err := f.open(ctx)
	if err != nil {
		return admin.Admin{}, nil, err
	}
	return newAdmin(pool, box, poster), pool.Close, nil
}

func newAdmin(database db.DB, box *secretbox.Box, poster *outbound.Client) admin.Admin {
	return admin.Admin{DB: database, Box: box, CheckURL: poster.CheckURL, CheckHeaders: outbound.CheckHeaders}
}
