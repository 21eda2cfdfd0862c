package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"handoff/db"
	"handoff/internal/temporalclient"
	"handoff/workflows"
)

type migrateCmd struct {
	postgresFlags
	temporalFlags
	SkipTemporal bool `help:"Migrate the database only: the namespace and its search attributes are made elsewhere." env:"HANDOFF_SKIP_TEMPORAL" group:"Temporal"`
}

func (c *migrateCmd) Run(ctx context.Context, log *slog.Logger) error {
	applied, err := db.Migrate(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	fmt.Printf("database: %d migrations applied, the schema is up to date\n", applied)
	if c.SkipTemporal {
		return nil
	}
	temporal, err := c.dial(log, nil)
	if err != nil {
		return err
	}
	defer temporal.Close()
	if err := prepareTemporal(ctx, temporal, c.TemporalNamespace); err != nil {
		return err
	}
	fmt.Printf("temporal: namespace %s and its search attributes are there\n", c.TemporalNamespace)
	return nil
}

// prepareTemporal makes the namespace and search attributes. Temporal may be starting up beside us.
func prepareTemporal(ctx context.Context, temporal client.Client, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return temporalclient.Prepare(ctx, temporal, namespace, searchAttributes())
}

// searchAttributes are those of conversations.
func searchAttributes() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{
		workflows.AccountAttribute.GetName():      enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.InboxAttribute.GetName():        enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.StatusAttribute.GetName():       enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AssigneeAttribute.GetName():     enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.TeamAttribute.GetName():         enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.TroubleAttribute.GetName():      enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
		workflows.LastActivityAttribute.GetName(): enumspb.INDEXED_VALUE_TYPE_DATETIME,
	}
}
