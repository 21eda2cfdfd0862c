package activities

import (
	"context"
	"slices"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
)

// Silence tells the endpoints that asked for it that nobody has written for a while.
func (a *Activities) Silence(ctx context.Context, c Command) (Result, error) {
	check := func(control handoff.Control) error {
		if control.Status == handoff.StatusEnded {
			return handoff.Errorf(handoff.CodeConflict, "the conversation has ended")
		}
		return nil
	}
	return a.command(ctx, c, check, func(l *locked) error { return l.tellSilence(ctx) })
}

func (l *locked) tellSilence(ctx context.Context) error {
	if l.conv.NoticeAt == nil || l.now.Before(*l.conv.NoticeAt) {
		return errNotDue
	}
	since := *l.conv.NoticeAt
	for _, minutes := range l.silences(since) {
		data := map[string]any{"minutes": minutes}
		if l.conv.LastMessageID != nil {
			m, err := l.q.MessageGet(ctx, dbsqlc.MessageGetParams{AccountID: l.ref.AccountID, ID: *l.conv.LastMessageID})
			if err != nil {
				return err
			}
			last := map[string]any{"id": m.ID, "direction": m.Direction, "created_at": m.CreatedAt.UTC().Format(time.RFC3339)}
			if m.ExternalID != nil {
				last["external_id"] = *m.ExternalID
			}
			data["since_message"] = last
		}
		if err := l.record(ctx, happening{kind: handoff.EventInactive, author: handoff.AuthorSystem, data: data}); err != nil {
			return err
		}
	}
	l.conv.NoticeAt, l.changed = l.noticeAfter(l.now), true
	return nil
}

// silences are the times of silence, in minutes, that became due from since until now.
func (l *locked) silences(since time.Time) []int32 {
	var out []int32
	for _, endpoint := range l.endpoints {
		if endpoint.InactivityMinutes == nil {
			continue
		}
		due := l.conv.LastActivityAt.Add(time.Duration(*endpoint.InactivityMinutes) * time.Minute)
		if !due.Before(since) && !due.After(l.now) {
			out = append(out, *endpoint.InactivityMinutes)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
