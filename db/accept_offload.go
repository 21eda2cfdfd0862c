package db

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
)

// decideOffloads answers requests for a person: refused while the inbox is closed or its queue is full. It is decided here, in the
// transaction of the intake, so that the answer holds with Temporal down as well. A contact who is in the queue already stays.
//
// The lock on the queue is taken before the contacts' locks, by everybody.
func (a *acceptance) decideOffloads(ctx context.Context, q *dbsqlc.Queries) error {
	for _, s := range a.slots {
		if s.item.Kind != handoff.ItemOffload || s.inbox == nil || s.contact == (handoff.ID{}) {
			continue
		}
		reason, err := a.refusal(ctx, q, s)
		if err != nil {
			return err
		}
		if reason != "" {
			s.Outcome, s.Reason = OutcomeRefused, reason
			if len(a.raw) == 0 { // the bytes go on all the same, in the contact's lane
				s.contact = handoff.ID{}
			}
		}
	}
	return nil
}

func (a *acceptance) refusal(ctx context.Context, q *dbsqlc.Queries, s *slot) (reason string, err error) {
	limit := s.inbox.QueueLimit
	if s.inbox.Accepting && s.inbox.Hours == nil && len(s.inbox.Holidays) == 0 && limit == nil {
		return "", nil
	}
	if limit != nil {
		if err := q.ExternalIDLock(ctx, "queue "+s.inbox.ID.String()); err != nil {
			return "", err
		}
	}
	queued, err := q.MessageHasOpen(ctx, dbsqlc.MessageHasOpenParams{InboxID: s.inbox.ID, ContactID: s.contact})
	if err != nil || queued {
		return "", err
	}
	if open, err := accepting(s.inbox, a.receipt.At); err != nil || !open {
		return "the inbox is closed", err
	}
	if limit == nil {
		return "", nil
	}
	waiting, err := q.InboxQueueLength(ctx, s.inbox.ID)
	if err != nil || waiting < int64(*limit) {
		return "", err
	}
	return fmt.Sprintf("the queue is full: %d wait", waiting), nil
}

// accepting tells whether an inbox takes offloads at a time.
func accepting(inbox *dbsqlc.Inbox, at time.Time) (bool, error) {
	if !inbox.Accepting || (inbox.Hours == nil && len(inbox.Holidays) == 0) {
		return inbox.Accepting, nil
	}
	var hours handoff.Hours
	if inbox.Hours != nil {
		if err := json.Unmarshal(inbox.Hours, &hours); err != nil {
			return false, fmt.Errorf("read the hours of inbox %s: %w", inbox.ID, err)
		}
	}
	zone, err := time.LoadLocation(inbox.TimeZone)
	if err != nil {
		return false, fmt.Errorf("read the time zone of inbox %s: %w", inbox.ID, err)
	}
	return hours.Open(at.In(zone), inbox.Holidays), nil
}
