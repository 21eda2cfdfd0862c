// Package activities holds every side effect of the workflows: what they write to Postgres and what they send.
//
// Content stays in Postgres; what goes in and out of an activity is ids, states and times.
package activities

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.temporal.io/sdk/temporal"

	"handoff"
	"handoff/db"
	"handoff/internal/graph"
	"handoff/internal/mediastore"
	"handoff/internal/outbound"
	"handoff/internal/secretbox"
)

// Activities are registered with the worker. They hold what the side effects need.
type Activities struct {
	DB     db.DB
	Poster *outbound.Client
	Graph  *graph.Client
	Store  *mediastore.Store
	// Links makes the public link of a file; nil where the server has no public address.
	Links Links
	// ConversationURL is where operators and agents see a conversation: {conversation_id} stands for its id. Empty for nowhere.
	ConversationURL string
	// Surveys makes the public link at which a contact rates an ended conversation; nil where the server has no public address.
	Surveys func(account, conversation handoff.ID, at time.Time) (string, error)
	Box     *secretbox.Box
	Log     *slog.Logger
	// Now is the clock of attempts and deliveries. The time of commands comes from the workflow.
	Now func() time.Time
	// Jitter gives a factor around 1 by which every wait between attempts is multiplied.
	Jitter func() float64
	// InFlight is shared by all that one worker runs.
	InFlight *InFlight
	// Runs are the conversations' runs. Nothing can be erased if they are absent.
	Runs Runs
	// Observe is told of every attempt that left, once its outcome is known; nil for nobody. It must return at once.
	Observe func(Attempted)
	// ObserveMedia is told what became of each try to fetch a file: ready, retry, or why it was given up; nil for nobody.
	ObserveMedia func(outcome string)
}

// Links makes an expiring public link of an account's file.
type Links func(account, media handoff.ID, at time.Time) (string, error)

// Validate names the first part that is missing.
func (a *Activities) Validate() error {
	switch {
	case a.DB == nil:
		return errors.New("activities: DB is missing")
	case a.Poster == nil:
		return errors.New("activities: Poster is missing")
	case a.Graph == nil:
		return errors.New("activities: Graph is missing")
	case a.Store == nil:
		return errors.New("activities: Store is missing")
	case a.Box == nil:
		return errors.New("activities: Box is missing")
	case a.Log == nil:
		return errors.New("activities: Log is missing")
	case a.Now == nil:
		return errors.New("activities: Now is missing")
	case a.Jitter == nil:
		return errors.New("activities: Jitter is missing")
	case a.InFlight == nil:
		return errors.New("activities: InFlight is missing")
	}
	return nil
}

// storeFailed hides what a failed write says of rows and values from the Temporal history; the log has it.
func (a *Activities) storeFailed(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	a.Log.ErrorContext(ctx, what+" failed", "error", db.LogText(err))
	return temporal.NewApplicationError(what+" failed: the worker's log says why", "internal")
}
