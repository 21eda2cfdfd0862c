package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/internal/admin"
	"handoff/internal/graph"
	"handoff/internal/mediastore"
	"handoff/internal/outbound"
	"handoff/internal/secretbox"
	"handoff/internal/signin"
)

// postgresFlags say where the database is.
type postgresFlags struct {
	DatabaseURL string `help:"PostgreSQL's connection string, a URL or key=value words, with sslmode and pool settings as pgx reads them. Not through a pooler in transaction mode: statements are prepared, and events announced by LISTEN." env:"DATABASE_URL" required:"" placeholder:"postgres://…" group:"PostgreSQL"`
	Connections int32  `help:"How many connections a process opens at most; 0 for one per core, and four at least. All processes together stay below max_connections." env:"HANDOFF_DB_CONNECTIONS" default:"0" group:"PostgreSQL"`
}

func (f postgresFlags) open(ctx context.Context, options ...func(*pgxpool.Config)) (*pgxpool.Pool, error) {
	return db.Open(ctx, f.DatabaseURL, f.Connections, options...)
}

// secretFlags give the key set that seals secrets at rest.
type secretFlags struct {
	Keyset     string `help:"Key set for secrets at rest, as handoff keyset prints it. This or HANDOFF_KEYSET_FILE is required; the same for all processes." env:"HANDOFF_KEYSET" group:"Secrets"`
	KeysetFile string `placeholder:"FILE" help:"File that holds the key set, instead of HANDOFF_KEYSET." env:"HANDOFF_KEYSET_FILE" group:"Secrets"`
}

// sealFlags say whether what Temporal keeps is sealed with the same key set.
type sealFlags struct {
	SealPayloads bool `help:"Seal what Temporal keeps of workflows with the key set. It holds ids, states and times and nothing that people wrote; give it to serve and worker alike." env:"HANDOFF_SEAL_PAYLOADS" group:"Temporal"`
}

// text is the key set as it was given.
func (f secretFlags) text() (string, error) {
	keyset := f.Keyset
	if keyset == "" && f.KeysetFile != "" {
		content, err := os.ReadFile(f.KeysetFile)
		if err != nil {
			return "", fmt.Errorf("read HANDOFF_KEYSET_FILE: %w", err)
		}
		keyset = string(content)
	}
	if strings.TrimSpace(keyset) == "" {
		return "", errors.New("HANDOFF_KEYSET or HANDOFF_KEYSET_FILE is missing: make a key set once with `handoff keyset` and keep it; " +
			"without it the secrets in the database cannot be read")
	}
	return keyset, nil
}

func (f secretFlags) box() (*secretbox.Box, error) {
	keyset, err := f.text()
	if err != nil {
		return nil, err
	}
	return secretbox.New(keyset)
}

// outboundFlags say which addresses webhooks may be sent to. They are the operator's and never a tenant's.
type outboundFlags struct {
	AllowLoopback   bool     `help:"Let webhooks go to this machine, by http too. For development." env:"HANDOFF_ALLOW_LOOPBACK" group:"Calls out"`
	AllowHTTP       bool     `help:"Let webhooks go to http:// URLs. Their bodies travel unencrypted." env:"HANDOFF_ALLOW_HTTP" group:"Calls out"`
	AllowedNetworks []string `help:"Private networks that webhooks may go to, such as 10.1.0.0/16,fd00::/8; none otherwise." env:"HANDOFF_ALLOWED_NETWORKS" group:"Calls out"`
	EgressProxy     string   `help:"Proxy that every call out goes through, such as http://smokescreen:4750; it must refuse internal addresses itself." env:"HANDOFF_EGRESS_PROXY" group:"Calls out"`
}

func (f outboundFlags) client() (*outbound.Client, error) {
	config := outbound.Config{AllowLoopback: f.AllowLoopback, AllowHTTP: f.AllowHTTP}
	for _, text := range f.AllowedNetworks {
		network, err := parseNetwork(text)
		if err != nil {
			return nil, fmt.Errorf("read HANDOFF_ALLOWED_NETWORKS: %w", err)
		}
		config.AllowPrivateCIDRs = append(config.AllowPrivateCIDRs, network)
	}
	if f.EgressProxy != "" {
		proxy, err := outbound.ParseProxy(f.EgressProxy)
		if err != nil {
			return nil, fmt.Errorf("read HANDOFF_EGRESS_PROXY: %w", err)
		}
		config.Proxy = proxy
	}
	return outbound.NewClient(config), nil
}

// vendorFlags say where vendors' APIs and the files of messages are.
type vendorFlags struct {
	GraphURL     string `help:"Where Meta's Graph API is." env:"HANDOFF_GRAPH_URL" default:"https://graph.facebook.com" group:"Files and vendors"`
	GraphVersion string `help:"Version of the Graph API, such as v24.0." env:"HANDOFF_GRAPH_VERSION" default:"v24.0" group:"Files and vendors"`
	MediaURL     string `help:"Where files are kept: file:///a/folder, on a volume that all processes share, or s3://bucket?region=…; the same for serve and worker." env:"HANDOFF_MEDIA_URL" default:"file:///var/lib/handoff/media" group:"Files and vendors"`
	PublicURL    string `help:"Address at which gateways and Meta reach this API, such as https://handoff.example.com: links to files and surveys begin with it. Without it agents cannot send uploads." env:"HANDOFF_PUBLIC_URL" group:"Files and vendors"`
	operatorFlags
}

func (f vendorFlags) graph(poster *outbound.Client) *graph.Client {
	return graph.New(graph.Config{BaseURL: f.GraphURL, Version: f.GraphVersion, HTTP: poster})
}

// linkLife is how long the public link of a file works: a gateway may be down for a weekend.
const linkLife = 7 * 24 * time.Hour

// links makes public links of files; nil where the server does not know its own address.
func (f vendorFlags) links(box *secretbox.Box) activities.Links {
	if f.PublicURL == "" {
		return nil
	}
	links := mediastore.Links{Sealer: box}
	return func(account, media handoff.ID, at time.Time) (string, error) {
		token, err := links.Make(account, media, at.Add(linkLife), mediastore.ForGateway)
		return strings.TrimSuffix(f.PublicURL, "/") + "/m/" + token, err
	}
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
	return admin.Admin{DB: database, Box: box, CheckURL: poster.CheckURL, CheckHeaders: outbound.CheckHeaders, Issuer: signin.CheckBy(poster)}
}
