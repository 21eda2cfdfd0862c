package db

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db/dbsqlc"
)

// EventSend is the event type of a delivery that sends a message by its vendor's API.
const EventSend = "send_message"

// EventReadReceipt is the event type of a delivery that tells WhatsApp what an agent has read.
const EventReadReceipt = "read_receipt"

// NewSend is a message that a program asks us to send, and the call by which it leaves.
type NewSend struct {
	// Message is filled but for its contact. Its id makes the request idempotent: the same id again is the same message.
	Message dbsqlc.MessageInsertOutboundParams
	Inbox   dbsqlc.Inbox
	To      handoff.ItemContact
	// EndpointID is the inbox's endpoint of the transport that takes it.
	EndpointID handoff.ID
	Path       string
	Body       []byte
}

// AcceptedSend is what became of it.
type AcceptedSend struct {
	// Duplicate tells that the message was there already, and that nothing was written.
	Duplicate bool
	// Wake is the contact whose flag this raised; nil where it was up already.
	Wake *Wake
}

// AcceptSend commits a message of a program and its one delivery, which has the message's id, and raises the contact's flag. The
// contact is found, or made, by the rules of intake.
func AcceptSend(ctx context.Context, db DB, send NewSend) (AcceptedSend, error) {
	return unlessErased(func() (AcceptedSend, error) { return acceptSendOnce(ctx, db, send) })
}

func acceptSendOnce(ctx context.Context, db DB, send NewSend) (AcceptedSend, error) {
	a := &acceptance{receipt: NewReceipt{AccountID: send.Inbox.AccountID, Protocol: send.Inbox.Protocol, At: send.Message.CreatedAt}}
	s := &slot{inbox: &send.Inbox, item: &handoff.Item{
		Kind: handoff.ItemMessage, Contact: &send.To, Message: &handoff.ItemMessageBody{Direction: handoff.Outbound},
	}}
	a.slots = []*slot{s}
	var out AcceptedSend
	err := InTx(ctx, db, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		if err := checkMode(ctx, q, send.Inbox); err != nil {
			return err
		}
		if err := a.findContacts(ctx, q); err != nil {
			return err
		}
		if err := a.lockWakes(ctx, q); err != nil {
			return err
		}
		var err error
		if out.Duplicate, err = messageKnown(ctx, q, send.Message); err != nil || out.Duplicate {
			return err
		}
		if err := a.insertSend(ctx, q, s, send); err != nil || s.wake.Raised {
			return err
		}
		out.Wake = &Wake{
			AccountID: s.wake.AccountID, InboxID: s.wake.InboxID, ContactID: s.wake.ContactID,
			Items: []WakeItem{{Kind: "send", ID: send.Message.ID}},
		}
		return nil
	})
	return out, err
}

// checkMode looks again, under the lock that a switch of the inbox's protocol waits for.
func checkMode(ctx context.Context, q *dbsqlc.Queries, inbox dbsqlc.Inbox) error {
	if err := q.ProtocolShare(ctx, inbox.AccountID.String()); err != nil {
		return err
	}
	now, err := q.InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: inbox.AccountID, ID: inbox.ID})
	if err != nil {
		return NotFound(err, "inbox")
	}
	if now.Protocol != inbox.Protocol {
		return handoff.Errorf(handoff.CodeConflict, "the inbox speaks %s since a moment ago", now.Protocol)
	}
	return nil
}

func messageKnown(ctx context.Context, q *dbsqlc.Queries, m dbsqlc.MessageInsertOutboundParams) (bool, error) {
	_, err := q.MessageGet(ctx, dbsqlc.MessageGetParams{AccountID: m.AccountID, ID: m.ID})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (a *acceptance) insertSend(ctx context.Context, q *dbsqlc.Queries, s *slot, send NewSend) error {
	if err := a.setNames(ctx, q); err != nil {
		return err
	}
	send.Message.ContactID = s.contact
	if len(send.Message.Content) == 0 {
		send.Message.Content = json.RawMessage(`{}`)
	}
	if _, err := q.MessageInsertOutbound(ctx, send.Message); err != nil {
		return err
	}
	queued, at := handoff.MessageQueued, send.Message.CreatedAt
	if err := q.MessageSetStatus(ctx, dbsqlc.MessageSetStatusParams{ID: send.Message.ID, Status: &queued}); err != nil {
		return err
	}
	err := ExecBatch(q.DeliveryInsert(ctx, []dbsqlc.DeliveryInsertParams{{
		ID: send.Message.ID, AccountID: send.Inbox.AccountID, EndpointID: send.EndpointID, InboxID: send.Inbox.ID, ContactID: &s.contact,
		MessageID: &send.Message.ID, EventType: EventSend, WebhookID: handoff.NewWebhookID(), Path: send.Path, Body: send.Body,
		State: handoff.DeliveryPending, NextAttemptAt: &at, CreatedAt: at,
	}}))
	if err != nil {
		return err
	}
	_, err = q.WakeRaiseByConversation(ctx, dbsqlc.WakeRaiseByConversationParams{InboxID: s.wake.InboxID, ContactID: s.wake.ContactID})
	return err
}
