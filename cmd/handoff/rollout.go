package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"text/tabwriter"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"handoff/worker"
)

// rolloutTimeout is how long a new worker may take to be known to Temporal: it is right after its first poll.
const rolloutTimeout = 30 * time.Second

type rolloutCmd struct {
	Status  rolloutStatusCmd  `cmd:"" help:"Show which builds of the worker Temporal knows, and which one gets tasks."`
	Current rolloutCurrentCmd `cmd:"" help:"Give a build all tasks: of new conversations, and of open ones from their next task on."`
	Ramp    rolloutRampCmd    `cmd:"" help:"Give a build a share of the conversations."`
}

func (f temporalFlags) rollout(ctx context.Context, log *slog.Logger, do func(context.Context, client.WorkerDeploymentHandle) error) error {
	temporal, err := f.dial(log, nil)
	if err != nil {
		return err
	}
	defer temporal.Close()
	ctx, cancel := context.WithTimeout(ctx, rolloutTimeout)
	defer cancel()
	return do(ctx, temporal.WorkerDeploymentClient().GetHandle(worker.Deployment))
}

type rolloutStatusCmd struct{ temporalFlags }

func (c *rolloutStatusCmd) Run(ctx context.Context, log *slog.Logger) error {
	return c.rollout(ctx, log, func(ctx context.Context, deployment client.WorkerDeploymentHandle) error {
		described, err := deployment.Describe(ctx, client.WorkerDeploymentDescribeOptions{})
		var unknown *serviceerror.NotFound
		if errors.As(err, &unknown) {
			fmt.Println("no worker has a build id (HANDOFF_BUILD_ID): any worker takes any task")
			return nil
		}
		if err != nil {
			return fmt.Errorf("ask Temporal for its worker deployment: %w", err)
		}
		return showBuilds(described.Info)
	})
}

func showBuilds(info client.WorkerDeploymentInfo) error {
	routing := info.RoutingConfig
	if routing.CurrentVersion == nil {
		fmt.Println("workers without a build id get the tasks; `handoff rollout current` changes that")
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "BUILD\tSINCE\tTASKS")
	for _, v := range info.VersionSummaries {
		tasks := "none"
		switch {
		case routing.CurrentVersion != nil && v.Version == *routing.CurrentVersion:
			tasks = "all"
			if routing.RampingVersion != nil {
				tasks = fmt.Sprintf("%g %%", 100-routing.RampingVersionPercentage)
			}
		case routing.RampingVersion != nil && v.Version == *routing.RampingVersion:
			tasks = fmt.Sprintf("%g %%", routing.RampingVersionPercentage)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", v.Version.BuildID, v.CreateTime.UTC().Format(time.RFC3339), tasks)
	}
	return table.Flush()
}

type rolloutCurrentCmd struct {
	temporalFlags
	BuildID     string `arg:"" optional:"" help:"The build, as its workers have it in HANDOFF_BUILD_ID."`
	Unversioned bool   `help:"Give the tasks back to workers without a build id."`
}

func (c *rolloutCurrentCmd) Run(ctx context.Context, log *slog.Logger) error {
	if (c.BuildID == "") != c.Unversioned {
		return errors.New("name one build, or --unversioned")
	}
	return c.rollout(ctx, log, func(ctx context.Context, deployment client.WorkerDeploymentHandle) error {
		err := known(ctx, func() error {
			_, err := deployment.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: c.BuildID})
			return err
		})
		if err != nil {
			return fmt.Errorf("make build %q current: %w", c.BuildID, err)
		}
		fmt.Println("done: handoff rollout status shows it")
		return nil
	})
}

type rolloutRampCmd struct {
	temporalFlags
	BuildID string  `arg:"" help:"The build, as its workers have it in HANDOFF_BUILD_ID."`
	Percent float32 `help:"Its share of the conversations, from 0 to 100." required:"" placeholder:"PERCENT"`
}

func (c *rolloutRampCmd) Run(ctx context.Context, log *slog.Logger) error {
	return c.rollout(ctx, log, func(ctx context.Context, deployment client.WorkerDeploymentHandle) error {
		err := known(ctx, func() error {
			_, err := deployment.SetRampingVersion(ctx, client.WorkerDeploymentSetRampingVersionOptions{BuildID: c.BuildID, Percentage: c.Percent})
			return err
		})
		if err != nil {
			return fmt.Errorf("give build %q %g %%: %w", c.BuildID, c.Percent, err)
		}
		fmt.Println("done: handoff rollout status shows it")
		return nil
	})
}

// known asks again while Temporal does not know the build yet: its workers may have started a moment ago.
func known(ctx context.Context, ask func() error) error {
	for {
		err := ask()
		var absent *serviceerror.NotFound
		var unready *serviceerror.FailedPrecondition
		if !errors.As(err, &absent) && !errors.As(err, &unready) {
			return err
		}
		if !pause(ctx, time.Second) {
			return fmt.Errorf("%w: is a worker with this HANDOFF_BUILD_ID running?", err)
		}
	}
}
