package db

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db/dbsqlc"
)

// echoFor is how long a vendor may take to report our own send as the bot's.
const echoFor = 10 * time.Minute

// settleShadow decides, under the contact's lock, what a message of the bot's transcript is: an echo of our own send, which is proof
// that it was sent and no message; a turn of the conversation that is open; or a shadow, kept for the next one.
func (a *acceptance) settleShadow(ctx context.Context, q *dbsqlc.Queries, s *slot) (echo bool, err error) {
	m := s.item.Message
	if m == nil || !m.Shadow {
		return false, nil
	}
	if m.EchoKey != "" && m.Direction == handoff.Outbound {
		if echo, err := a.takeEcho(ctx, q, s); echo || err != nil {
			return echo, err
		}
	}
	talks, err := s.wake.hasOpen(ctx, q)
	s.shadow = !talks
	return false, err
}

func (w *wakeSlot) hasOpen(ctx context.Context, q *dbsqlc.Queries) (bool, error) {
	if w.talks == nil {
		open, err := q.MessageHasOpen(ctx, dbsqlc.MessageHasOpenParams{InboxID: w.InboxID, ContactID: w.ContactID})
		if err != nil {
			return false, err
		}
		w.talks = &open
	}
	return *w.talks, nil
}

// countedFiles is how many files of one transcript are counted.
const countedFiles = 1000

// countShadowFiles counts the files of what was said to the bot for whoever opens a conversation now and shows them: until then nobody
// is to fetch them. They are the contact's pending files that are not counted yet.
func (a *acceptance) countShadowFiles(ctx context.Context, q *dbsqlc.Queries, slots []*slot) error {
	var counted []*wakeSlot
	for _, s := range slots {
		if !s.opensShadows() || slices.Contains(counted, s.wake) {
			continue
		}
		counted = append(counted, s.wake)
		pending, err := q.MediaListPending(ctx, dbsqlc.MediaListPendingParams{
			InboxID: &s.inbox.ID, ContactID: &s.contact, RowLimit: countedFiles,
		})
		if err != nil {
			return err
		}
		s.wake.media += max(int32(len(pending))-s.wake.MediaPending-s.wake.media, 0)
	}
	return nil
}

// opensShadows tells whether an item may open a conversation that begins with what was said to the bot.
func (s *slot) opensShadows() bool {
	if s.Outcome != OutcomeAccepted {
		return false
	}
	ours := s.inbox.Protocol == handoff.ProtocolNative || s.inbox.Protocol == handoff.ProtocolAksita
	return s.item.Kind == handoff.ItemOffload || (ours && s.item.Message != nil && s.item.Message.Opens)
}

func (a *acceptance) takeEcho(ctx context.Context, q *dbsqlc.Queries, s *slot) (bool, error) {
	if s.item.ExternalID != "" {
		known, err := knownMessage(ctx, q, s)
		if err != nil {
			return false, err
		}
		if known != nil {
			s.MessageID, s.Duplicate, s.Outcome = known, true, OutcomeDuplicate
			return true, nil
		}
	}
	id, err := q.MessageTakeEcho(ctx, dbsqlc.MessageTakeEchoParams{
		InboxID: s.inbox.ID, ContactID: s.contact, EchoKey: s.item.Message.EchoKey, ExternalID: s.item.ExternalID,
		Since: a.receipt.At.Add(-echoFor),
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	// The feed's id becomes the message's, so that a repeated report finds it.
	if _, err := q.MessageSetExternalID(ctx, dbsqlc.MessageSetExternalIDParams{ID: id, ExternalID: s.item.ExternalID}); err != nil {
		return false, err
	}
	s.Kind, s.MessageID, s.Reason = handoff.ItemStatus, &id, "the echo of an agent's message: it was sent"
	s.item.Status = &handoff.ItemStatusBody{Status: handoff.MessageSent, At: s.item.Message.At}
	s.accept(WakeItem{Kind: string(handoff.ItemStatus), ID: id})
	return true, nil
}

// knownMessage is the message that has the item's external id, or one of whose parts came back under it.
func knownMessage(ctx context.Context, q *dbsqlc.Queries, s *slot) (*handoff.ID, error) {
	known, err := q.MessageListByExternalIDs(ctx, dbsqlc.MessageListByExternalIDsParams{
		InboxID: s.inbox.ID, ExternalIds: []string{s.item.ExternalID},
	})
	if err != nil {
		return nil, err
	}
	if len(known) > 0 {
		return &known[0].ID, nil
	}
	id, err := q.MessageFindEcho(ctx, dbsqlc.MessageFindEchoParams{InboxID: s.inbox.ID, ContactID: s.contact, ExternalID: s.item.ExternalID})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &id, err
}
