package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol"
)

// event is all that a protocol may say of what happened.
func (l *locked) event(ctx context.Context, row dbsqlc.EventInsertParams, h happening) (protocol.Event, error) {
	e := protocol.Event{
		ID: row.ID, Type: row.Type, At: row.OccurredAt, Seq: row.Seq, Actor: protocol.Actor{Type: row.ActorType, ID: row.ActorID},
		Details: row.Data,
	}
	var err error
	if e.Inbox, err = l.inboxFacts(); err != nil {
		return e, err
	}
	contact, err := l.contactFacts(ctx)
	if err != nil {
		return e, err
	}
	e.Contact = *contact
	if h.message != nil {
		if e.Message, err = l.messageFacts(ctx, h.message); err != nil {
			return e, err
		}
	}
	if row.ConversationID == nil || l.conv == nil || *row.ConversationID != l.conv.ID {
		return e, nil
	}
	e.Conversation = l.conversationFacts(row)
	if l.protocol.Counts {
		err = l.count(ctx, &e, h.arrives)
	}
	return e, err
}

func (l *locked) inboxFacts() (protocol.Inbox, error) {
	zone, err := time.LoadLocation(l.inbox.TimeZone)
	if err != nil {
		return protocol.Inbox{}, fmt.Errorf("read the time zone of inbox %s: %w", l.inbox.ID, err)
	}
	version, err := l.botVersion()
	if err != nil {
		return protocol.Inbox{}, err
	}
	return protocol.Inbox{
		ID: l.inbox.ID, AccountID: l.inbox.AccountID, Name: l.inbox.Name, PhoneNumberID: l.inbox.PhoneNumberID,
		DisplayPhoneNumber: l.inbox.DisplayPhoneNumber, CallbackData: l.inbox.CallbackData, ResolvedStatus: l.inbox.ResolvedStatus,
		InactivityStatus: l.inbox.InactivityStatus, NotifyInactivity: l.inbox.NotifyInactivity, TimeZone: zone,
		BotID: l.inbox.BotID, BotVersion: version, ResumeCall: l.inbox.ResumeCall,
	}, nil
}

// botVersion is the version of the bot that asked for a person. The inbox's own is for conversations that no bot handed over.
func (l *locked) botVersion() (string, error) {
	if l.conv == nil || len(l.conv.Offload) == 0 {
		return l.inbox.BotVersion, nil
	}
	var offload db.OffloadColumn
	if err := json.Unmarshal(l.conv.Offload, &offload); err != nil {
		return "", fmt.Errorf("read the offload of conversation %s: %w", l.conv.ID, err)
	}
	return cmp.Or(offload.BotVersion, l.inbox.BotVersion), nil
}

func (l *locked) contactFacts(ctx context.Context) (*protocol.Contact, error) {
	if l.contact != nil {
		return l.contact, nil
	}
	rows, err := l.q.ContactFacts(ctx, dbsqlc.ContactFactsParams{AccountID: l.ref.AccountID, ContactID: l.ref.ContactID})
	if err != nil {
		return nil, err
	}
	l.contact = &protocol.Contact{ID: l.ref.ContactID}
	for _, row := range rows {
		l.contact.Name = row.Name
		if row.Kind != "" {
			identity := handoff.Identity{Kind: handoff.IdentityKind(row.Kind), Value: row.Value}
			// The session of this inbox comes first: the contact may have others with other bots.
			if identity.Kind == handoff.IdentitySession && identity.Value == db.OrEmpty(l.wake.Session) {
				l.contact.Identities = slices.Insert(l.contact.Identities, 0, identity)
				continue
			}
			l.contact.Identities = append(l.contact.Identities, identity)
		}
	}
	return l.contact, nil
}

func (l *locked) conversationFacts(row dbsqlc.EventInsertParams) *protocol.Conversation {
	c := &protocol.Conversation{
		ID: l.conv.ID, Status: l.conv.Status, OpenedAt: l.conv.OpenedAt, LastActivityAt: l.conv.LastActivityAt, EndedAt: l.conv.EndedAt,
	}
	if l.conv.EndReason != nil {
		c.EndReason = *l.conv.EndReason
	}
	if l.conv.Source != nil {
		c.Source = *l.conv.Source
	}
	if row.Type == handoff.EventEnded {
		c.Status, c.EndedAt = handoff.StatusEnded, &l.now
	}
	return c
}

func (l *locked) messageFacts(ctx context.Context, m *dbsqlc.Message) (*protocol.Message, error) {
	out := &protocol.Message{
		ID: m.ID, Direction: m.Direction, Author: m.AuthorType, Type: m.Type, Content: m.Content, CreatedAt: m.CreatedAt,
		Text: db.OrEmpty(m.Text), ExternalID: db.OrEmpty(m.ExternalID), ReplyTo: db.OrEmpty(m.ReplyTo),
	}
	if m.Status != nil {
		out.Status = *m.Status
	}
	if m.FailureCode != nil {
		out.Failure = &handoff.Failure{Code: *m.FailureCode, Reason: db.OrEmpty(m.FailureReason)}
	}
	if m.SentAt != nil {
		out.SentAt = *m.SentAt
	}
	if m.MediaID == nil {
		return out, nil
	}
	media, err := l.q.MediaGetAny(ctx, *m.MediaID)
	if errors.Is(err, pgx.ErrNoRows) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	out.Media = &protocol.Media{State: media.State, MIMEType: db.OrEmpty(media.MimeType), Filename: db.OrEmpty(media.Filename)}
	if out.Media.MIMEType == "" {
		out.Media.MIMEType = db.OrEmpty(media.DeclaredType)
	}
	if media.Size != nil {
		out.Media.Size = *media.Size
	}
	// The link is known before the file is there: a webhook does not wait for it.
	if media.State != handoff.MediaFailed && l.links != nil {
		out.Media.URL, err = l.links(media.AccountID, media.ID, l.now)
	}
	return out, err
}

// counts are what Kapso's events say of a conversation, kept up to date while one transaction adds to it.
type counts struct {
	messages                  int
	last                      *protocol.Message
	lastInbound, lastOutbound time.Time
}

// count fills in the counts as of e, its own message included.
func (l *locked) count(ctx context.Context, e *protocol.Event, arrives bool) error {
	if l.counts == nil {
		var err error
		if l.counts, err = l.readCounts(ctx); err != nil {
			return err
		}
	}
	if arrives {
		l.counts.add(e.Message)
	}
	c := e.Conversation
	c.MessagesCount, c.LastMessage = l.counts.messages, l.counts.last
	c.LastInboundAt, c.LastOutboundAt = timeOrNil(l.counts.lastInbound), timeOrNil(l.counts.lastOutbound)
	return nil
}

func (l *locked) readCounts(ctx context.Context) (*counts, error) {
	stats, err := l.q.ConversationStats(ctx, &l.conv.ID)
	if err != nil {
		return nil, err
	}
	// The epoch stands for never.
	never := time.Unix(0, 0)
	c := &counts{messages: int(stats.Messages)}
	if stats.LastInboundAt.After(never) {
		c.lastInbound = stats.LastInboundAt
	}
	if stats.LastOutboundAt.After(never) {
		c.lastOutbound = stats.LastOutboundAt
	}
	if l.conv.LastMessageID == nil {
		return c, nil
	}
	m, err := l.q.MessageGet(ctx, dbsqlc.MessageGetParams{AccountID: l.ref.AccountID, ID: *l.conv.LastMessageID})
	if errors.Is(err, pgx.ErrNoRows) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	c.last, err = l.messageFacts(ctx, &m)
	return c, err
}

func (c *counts) add(m *protocol.Message) {
	c.messages++
	c.last = m
	at := m.At()
	if m.Direction == handoff.Inbound && at.After(c.lastInbound) {
		c.lastInbound = at
	}
	if m.Direction == handoff.Outbound && at.After(c.lastOutbound) {
		c.lastOutbound = at
	}
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
