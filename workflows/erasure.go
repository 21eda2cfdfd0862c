package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"handoff/activities"
)

const (
	// tellFor is how long gateways are tried to be told of the ends of the contact's conversations.
	tellFor = time.Minute
	// forceAfter is how long the contact's runs are waited for; they end conversations in a fraction of a second.
	forceAfter = 5 * time.Minute
	// sharedFor is how long forwarded bytes may wait for their endpoint that name others too.
	sharedFor = time.Hour
	// erasureRounds is how often everything is done again because something has come: what intake began before ends within seconds.
	erasureRounds = 20
)

// ErasureQuery is the query of Erasure.
const ErasureQuery = "Erasure" // → ErasureState

// Erasure deletes everything of one contact, and ends in a certificate. Its steps change nothing when they are run again, so that a run
// can begin anew at any time: which contact it is, and by what what names it is found, stands in the rows.
func Erasure(ctx workflow.Context, in ErasureInput) error {
	e := &erasure{in: in.ErasureInput}
	if err := e.setup(ctx); err != nil {
		return err
	}
	return e.run(ctx)
}

type erasure struct {
	in    activities.ErasureInput
	state ErasureState
}

func (e *erasure) setup(ctx workflow.Context) error {
	return workflow.SetQueryHandlerWithOptions(ctx, ErasureQuery, func() (ErasureState, error) { return e.state, nil },
		workflow.QueryHandlerOptions{Description: "What the erasure is at"})
}

func (e *erasure) run(ctx workflow.Context) error {
	for range erasureRounds {
		e.state.Rounds++
		if err := e.round(ctx); err != nil {
			return err
		}
		verified, err := step(ctx, e, "look whether anything is left", a.EraseVerify, e.in)
		if err == nil {
			finish := activities.EraseFinishInput{ErasureInput: e.in, Verified: verified}
			_, err = step(ctx, e, "certify", a.EraseFinish, finish)
		}
		var failed *temporal.ApplicationError
		if !errors.As(err, &failed) || failed.Type() != activities.Unerased {
			if err == nil {
				e.show(ctx, "Everything is erased.")
			}
			return err
		}
		// What was under way when the erasure began has come in since.
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return err
		}
	}
	return temporal.NewApplicationError("the contact could not be erased: something keeps writing to it", activities.Unerased)
}

func (e *erasure) round(ctx workflow.Context) error {
	if err := e.close(ctx); err != nil {
		return err
	}
	if err := e.shared(ctx); err != nil {
		return err
	}
	for _, s := range []struct {
		what string
		do   func() error
	}{
		{"end the contact's runs", func() error { _, err := step(ctx, e, "end the contact's runs", a.EraseRuns, e.in); return err }},
		{"answers", func() error { _, err := step(ctx, e, "erase stored answers", a.EraseAnswers, e.in); return err }},
		{"rows", func() error { _, err := step(ctx, e, "erase rows and files", a.EraseRows, e.in); return err }},
		{"receipts", func() error { _, err := step(ctx, e, "blank receipts", a.EraseReceipts, e.in); return err }},
		{"histories", func() error { _, err := step(ctx, e, "delete histories", a.EraseHistories, e.in); return err }},
	} {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	return nil
}

// close ends open conversations. What was on its way is dropped first; gateways are then told of the end, if they take that in time.
func (e *erasure) close(ctx workflow.Context) error {
	began := workflow.Now(ctx)
	in := activities.EraseCloseInput{ErasureInput: e.in, Drop: true}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		out, err := step(ctx, e, "end the contact's conversations", a.EraseClose, in)
		if err != nil || out.Open == 0 && out.Pending == 0 {
			return err
		}
		if err := workflow.Sleep(ctx, wait); err != nil {
			return err
		}
		since := workflow.Now(ctx).Sub(began)
		in.Drop, in.Force = since > tellFor, since > forceAfter
	}
}

// shared waits for bytes that are other contacts' messages as well.
func (e *erasure) shared(ctx workflow.Context) error {
	in := activities.EraseSharedInput{ErasureInput: e.in, Until: workflow.Now(ctx).Add(sharedFor)}
	for {
		waiting, err := step(ctx, e, "blank forwarded bytes", a.EraseShared, in)
		if err != nil || waiting == 0 {
			return err
		}
		if err := workflow.Sleep(ctx, time.Minute); err != nil {
			return err
		}
	}
}

func (e *erasure) show(ctx workflow.Context, text string) {
	e.state.Step = text
	workflow.SetCurrentDetails(ctx, text)
}
