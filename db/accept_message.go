package db

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"handoff"
	"handoff/db/dbsqlc"
)

// isTurn tells whether an item is kept as a message: something said, or a system's turn (an offload, an end) in between.
func (s *slot) isTurn() bool {
	switch s.item.Kind {
	case handoff.ItemMessage:
		return s.inbox.Protocol != handoff.ProtocolPassthrough // it has no conversations: its messages only go on
	case handoff.ItemOffload:
		return s.Outcome != OutcomeRefused
	case handoff.ItemEnd:
		return true
	default:
		return false
	}
}

func sessionOf(c *handoff.ItemContact) string {
	if c == nil {
		return ""
	}
	for _, identity := range c.Identities {
		if identity.Kind == handoff.IdentitySession {
			return identity.Value
		}
	}
	return ""
}

func (a *acceptance) insertMessages(ctx context.Context, q *dbsqlc.Queries) error {
	var slots []*slot
	var rows []dbsqlc.MessageInsertParams
	for _, s := range a.slots {
		if s.wake == nil || !s.isTurn() {
			continue
		}
		s.wake.session = cmp.Or(sessionOf(s.item.Contact), s.wake.session)
		echo, err := a.settleShadow(ctx, q, s)
		if err != nil {
			return err
		}
		if echo {
			continue
		}
		row, err := a.messageRow(s)
		if err != nil {
			return err
		}
		slots, rows = append(slots, s), append(rows, row)
	}
	if len(rows) == 0 {
		return nil
	}
	var failed error
	q.MessageInsert(ctx, rows).QueryRow(func(i int, row dbsqlc.MessageInsertRow, err error) {
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("store message %s: %w", rows[i].ID, err))
			return
		}
		a.inserted(slots[i], row)
	})
	if failed != nil {
		return failed
	}
	if err := a.insertMedia(ctx, q, slots, rows); err != nil {
		return err
	}
	return a.countShadowFiles(ctx, q, slots)
}

// inserted takes in what became of a message's row.
func (a *acceptance) inserted(s *slot, row dbsqlc.MessageInsertRow) {
	s.MessageID = &row.ID
	switch {
	case row.Duplicate:
		s.Duplicate, s.Outcome = true, OutcomeDuplicate
	case s.shadow:
		s.Outcome = OutcomeRecorded
	default:
		s.accept(WakeItem{Kind: string(s.item.Kind), ID: row.ID})
	}
	if m := s.item.Message; !row.Duplicate && m != nil && m.Author == handoff.AuthorContact {
		s.wake.sawInbound(WindowStart(m.At, a.receipt.At))
	}
}

func (a *acceptance) messageRow(s *slot) (dbsqlc.MessageInsertParams, error) {
	row := dbsqlc.MessageInsertParams{
		ID: handoff.NewID(), AccountID: a.receipt.AccountID, InboxID: s.inbox.ID, ContactID: s.contact,
		Direction: handoff.Inbound, AuthorType: handoff.AuthorSystem, Type: string(s.item.Kind), Content: json.RawMessage(`{}`),
		ExternalID: optional(s.item.ExternalID), CreatedAt: a.receipt.At,
	}
	switch {
	case s.item.Message != nil:
		return row, fillMessage(&row, s.item.Message)
	case s.item.Offload != nil:
		return row, fillOffload(&row, s.item.Offload)
	}
	row.Text = optional(s.item.Reason)
	return row, nil
}

func fillMessage(row *dbsqlc.MessageInsertParams, m *handoff.ItemMessageBody) error {
	row.Direction, row.AuthorType, row.Type = m.Direction, m.Author, m.Type
	// It stays a shadow until a conversation has taken it in: the one that is open now may be over by then.
	row.Text, row.ReplyTo, row.Opens, row.Shadow = optional(m.Text), optional(m.ReplyTo), m.Opens && !m.Shadow, m.Shadow
	if len(m.Content) > 0 {
		row.Content = m.Content
	}
	if !m.At.IsZero() {
		row.SentAt = &m.At
	}
	if m.Media != nil {
		id := handoff.NewID()
		row.MediaID = &id
	}
	var err error
	if len(m.History) > 0 {
		row.History, err = json.Marshal(m.History)
	}
	return err
}

// fillOffload makes the turn by which an agent sees why and with what the conversation was handed over.
func fillOffload(row *dbsqlc.MessageInsertParams, o *handoff.ItemOffloadBody) error {
	row.Text, row.Opens = optional(o.Reason), true
	if !o.At.IsZero() {
		row.SentAt = &o.At
	}
	var err error
	row.Content, err = json.Marshal(OffloadColumn{Reason: o.Reason, Payload: o.Payload, Source: o.Source, BotVersion: o.BotVersion})
	if err != nil || len(o.Transcript) == 0 {
		return err
	}
	row.History, err = json.Marshal(o.Transcript)
	return err
}

// insertMedia notes the files that new messages refer to, to be fetched by the conversation's workflow.
func (a *acceptance) insertMedia(ctx context.Context, q *dbsqlc.Queries, slots []*slot, messages []dbsqlc.MessageInsertParams) error {
	var rows []dbsqlc.MediaInsertParams
	for i, s := range slots {
		if messages[i].MediaID == nil || s.Duplicate {
			continue
		}
		m := s.item.Message.Media
		rows = append(rows, dbsqlc.MediaInsertParams{
			ID: *messages[i].MediaID, AccountID: a.receipt.AccountID, InboxID: &s.inbox.ID, ContactID: &s.contact, ExternalID: optional(m.ID),
			SourceURL: optional(m.URL), Kind: s.item.Message.Type, DeclaredType: optional(m.MIMEType), Filename: optional(m.Filename),
			Sha256: optional(m.SHA256), CreatedAt: a.receipt.At,
		})
		s.wake.media++
	}
	if len(rows) == 0 {
		return nil
	}
	return ExecBatch(q.MediaInsert(ctx, rows))
}
