package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"

	"handoff/db"
	"handoff/internal/doctor"
	"handoff/internal/graph"
	"handoff/internal/mediastore"
	"handoff/internal/outbound"
	"handoff/internal/payloadcodec"
	"handoff/internal/workflowclient"
	"handoff/worker"
	"handoff/workflows"
)

// usageStatus is the exit status of a command line that cannot be read.
const usageStatus = 2

// usageError says what is wrong with a command line.
type usageError struct{ error }

// exitStatus ends the process with this status, without another word: what was wrong has been said.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// doctorCmd looks at the deployment that its settings, which are those of serve and worker, describe.
type doctorCmd struct {
	postgresFlags
	temporalFlags
	secretFlags
	outboundFlags
	vendorFlags
	SendTest string `help:"Id of an endpoint that is sent a signed test event." placeholder:"ID"`
	Output   string `help:"How the report is written: text or json." enum:"text,json" default:"text"`
	Strict   bool   `help:"Let warnings fail."`
}

func (c *doctorCmd) Run(ctx context.Context, _ *slog.Logger) error {
	config, err := c.config()
	if err != nil {
		return usageError{err}
	}
	report := doctor.Examine(ctx, config)
	if c.Output == "json" {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = doctor.Print(os.Stdout, report)
	}
	if err != nil {
		return err
	}
	if report.Status == doctor.Failed || (c.Strict && report.Status == doctor.Warning) {
		return exitStatus(1)
	}
	return nil
}

func (c *doctorCmd) config() (doctor.Config, error) {
	config := doctor.Config{
		DatabaseURL:     c.DatabaseURL,
		Pool:            func(ctx context.Context) (*pgxpool.Pool, error) { return c.open(ctx) },
		Migrated:        func(ctx context.Context) (bool, error) { return db.Migrated(ctx, c.DatabaseURL) },
		Connect:         func(ctx context.Context) (*pgx.Conn, error) { return db.Connect(ctx, c.DatabaseURL) },
		Box:             c.box,
		Outbound:        c.client,
		Graph:           func(poster *outbound.Client) *graph.Client { return c.graph(poster) },
		Temporal:        c.temporal,
		TemporalAddress: c.TemporalAddress, Namespace: c.TemporalNamespace, TaskQueue: workflows.TaskQueue, Deployment: worker.Deployment,
		Attributes: searchAttributes(), Schedules: workflowclient.Schedules(),
		Store:     func(ctx context.Context) (*mediastore.Store, error) { return mediastore.Open(ctx, c.MediaURL) },
		PublicURL: c.PublicURL, Now: time.Now,
	}
	if c.SendTest != "" {
		id, err := uuid.Parse(c.SendTest)
		if err != nil {
			return config, fmt.Errorf("--send-test has to be the id of an endpoint, as `handoff endpoint list` shows it")
		}
		config.SendTest = &id
	}
	return config, nil
}

// temporal opens what was sealed too (HANDOFF_SEAL_PAYLOADS): even of a schedule the summary is. Without a key set, which is a finding of
// its own, the rest can be looked at.
func (c *doctorCmd) temporal() (client.Client, error) {
	var codec *payloadcodec.Codec
	if box, err := c.box(); err == nil {
		codec = payloadcodec.New(box, false)
	}
	return c.dial(slog.New(slog.DiscardHandler), codec)
}
