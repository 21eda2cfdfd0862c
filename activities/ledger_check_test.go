package activities_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/internal/fixture"
)

// book is a conversation with a message each way, all of it delivered and quiet, whose endpoint is old enough to have asked for all of it.
type book struct {
	*scene
	first handoff.ID // the agent's message
}

func newBook(t *testing.T) *book {
	t.Helper()
	s := newSceneWith(t, "outbound_message", "conversation_resolved", "message.*")
	s.Exec(t, "UPDATE endpoints SET created_at = created_at - interval '1 day', updated_at = updated_at - interval '1 day'")
	s.Activities = s.World.Activities(t, func() time.Time { return s.now })
	wake := s.accept("I need to speak to a human").Wakes[0]
	s.ref = activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
	s.apply()
	b := &book{scene: s, first: s.queued("Hi John")}
	for range 2 { // that it is delivered is told in turn
		_, err := s.deliver()
		require.NoError(t, err)
	}
	return b
}

// quiet lets time pass in which nothing happens.
func (b *book) quiet() { b.now = b.now.Add(15 * time.Minute) }

func (b *book) look() activities.LedgerReport {
	b.Helper()
	report, err := b.CheckLedger(context.Background(), activities.LedgerInput{})
	require.NoError(b, err)
	return report
}

func (b *book) gaps() []dbsqlc.LedgerGap {
	b.Helper()
	rows, err := dbsqlc.New(b.World.DB).LedgerGapList(context.Background(), dbsqlc.LedgerGapListParams{
		AccountID: b.Account.ID, Before: handoff.ID{0xff}, RowLimit: 100,
	})
	require.NoError(b, err)
	return rows
}

// onlyGap is the one gap that was found.
func (b *book) onlyGap(kind handoff.GapKind) dbsqlc.LedgerGap {
	b.Helper()
	rows := b.gaps()
	require.Len(b, rows, 1)
	require.Equal(b, kind, rows[0].Kind)
	require.NotEmpty(b, rows[0].Note, "what was done, or is to be done")
	require.Equal(b, 1, b.Count(b.T, "events", "type = 'ledger.gap_found' AND data->>'gap_id' = $1 AND data->>'kind' = $2", rows[0].ID.String(), string(kind)))
	require.Equal(b, b2i(rows[0].RepairedAt != nil), b.Count(b.T, "audit_entries",
		"actor_type = 'system' AND action = 'repair-ledger-gap' AND target_id = $1", rows[0].ID), "a repair is written down")
	return rows[0]
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestLedger_WhatIsWholeAndQuietHasNoGap(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	require.Zero(t, b.look().Events, "what is younger than ten minutes is under way")
	b.quiet()
	report := b.look()
	require.Equal(t, b.Count(t, "events", "true"), report.Events)
	require.Empty(t, report.Found)
	require.Zero(t, b.look().Events, "every event is looked at once")
	require.Empty(t, b.gaps())
}

func TestLedger_ALoweredFlagIsRaised(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.accept("Are you there?", "Hello?")
	b.Exec(t, "UPDATE wakes SET raised = false, next_signal_at = NULL")
	require.Empty(t, b.look().Found, "it has just come")
	b.quiet()
	require.Equal(t, map[handoff.GapKind]int{handoff.GapNotWoken: 1}, b.look().Found, "one flag for both")
	gap := b.onlyGap(handoff.GapNotWoken)
	require.NotNil(t, gap.RepairedAt)
	require.Equal(t, 1, b.Count(t, "wakes", "raised"))
	b.apply()
	require.Empty(t, b.look().Found)
}

func TestLedger_AnOverdueTimerIsWoken(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.Exec(t, "UPDATE wakes SET raised = false")
	b.now = b.now.Add(25 * time.Hour)
	require.Equal(t, map[handoff.GapKind]int{handoff.GapTimerOverdue: 1}, b.look().Repaired)
	gap := b.onlyGap(handoff.GapTimerOverdue)
	require.NotNil(t, gap.ConversationID)
	require.Equal(t, 1, b.Count(t, "wakes", "raised"))
}

func TestLedger_AnOverdueDeliveryIsWoken(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.accept("Hello?")
	b.apply()
	b.now = b.now.Add(39 * time.Minute)
	require.Empty(t, b.look().Found, "the dispatcher may yet find it")
	b.now = b.now.Add(2 * time.Minute)
	require.Equal(t, map[handoff.GapKind]int{handoff.GapDeliveryOverdue: 1}, b.look().Repaired)
	gap := b.onlyGap(handoff.GapDeliveryOverdue)
	require.Equal(t, b.Endpoint.ID, *gap.EndpointID)
	require.Equal(t, 1, b.Count(t, "wakes", "raised"))
}

func TestLedger_ADeletedDeliveryIsMadeAgainOnce(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	operators := fixture.NewGateway(t)
	told := b.AddEndpoint(t, operators, "ledger.*")
	b.Exec(t, "DELETE FROM delivery_attempts a USING deliveries d WHERE d.id = a.delivery_id AND d.event_type = 'message.received'")
	b.Exec(t, "DELETE FROM deliveries WHERE event_type = 'message.received'")
	before := len(b.Gateway.Requests())
	b.quiet()
	require.Equal(t, map[handoff.GapKind]int{handoff.GapDeliveryMissing: 1}, b.look().Repaired)
	gap := b.onlyGap(handoff.GapDeliveryMissing)
	require.Equal(t, b.Endpoint.ID, *gap.EndpointID)
	require.NotNil(t, gap.EventID)
	require.Equal(t, 1, b.Count(t, "wakes", "raised"), "somebody comes to send it")
	_, err := b.deliver()
	require.NoError(t, err)
	requests := b.Gateway.Requests()
	require.Len(t, requests, before+1)
	var body struct {
		Type string `json:"type"`
		Data struct {
			EventID string `json:"event_id"`
			Message struct {
				Text string `json:"text"`
			} `json:"message"`
		} `json:"data"`
	}
	require.NoError(t, json.Unmarshal([]byte(requests[before].Body), &body))
	require.Equal(t, "message.received", body.Type)
	require.Equal(t, gap.EventID.String(), body.Data.EventID)
	require.Equal(t, "I need to speak to a human", body.Data.Message.Text)

	require.Equal(t, 1, b.Count(t, "deliveries", "endpoint_id = $1 AND event_type = 'ledger.gap_found' AND contact_id IS NULL", told.ID), "operators asked to be told")
	b.Exec(t, "DELETE FROM ledger_marks")
	require.Empty(t, b.look().Found, "a look that is made again mends nothing twice")
	require.Equal(t, 1, b.Count(t, "deliveries", "event_type = 'message.received'"))
}

// An endpoint is not sent what it may not have asked for then.
func TestLedger_AnEndpointThatWasChangedOrMadeSinceMissesNothing(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.AddEndpoint(t, fixture.NewGateway(t), "*")
	changed := b.AddEndpoint(t, fixture.NewGateway(t), "*")
	b.Exec(t, "UPDATE endpoints SET created_at = created_at - interval '1 day' WHERE id = $1", changed.ID)
	b.quiet()
	require.Empty(t, b.look().Found)
}

func TestLedger_AnAgentsMessageThatNothingTakesOutIsSent(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	id := b.scene.queued("Are you still there?")
	b.Exec(t, "DELETE FROM deliveries WHERE message_id = $1", id)
	b.Exec(t, "UPDATE endpoints SET updated_at = now() + interval '1 hour'") // its missing delivery alone is no gap
	b.quiet()
	require.Equal(t, map[handoff.GapKind]int{handoff.GapMessageUnsent: 1}, b.look().Repaired)
	require.Equal(t, id, *b.onlyGap(handoff.GapMessageUnsent).MessageID)
	_, err := b.deliver()
	require.NoError(t, err)
	requests := b.Gateway.Requests()
	require.Contains(t, requests[len(requests)-1].Body, "Are you still there?")
	require.Equal(t, handoff.MessageDeliveredToGateway, *b.message(id).Status)
}

// Where we call the vendor ourselves, nobody knows whether a message left whose delivery is lost: it is not sent twice.
func TestLedger_AnAgentsMessageThatAVendorMayHaveIsUncertain(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	id := s.queued("Are you still there?")
	s.Exec(t, "DELETE FROM deliveries WHERE message_id = $1", id)
	b := &book{scene: s.scene, first: id}
	b.quiet()
	require.Equal(t, map[handoff.GapKind]int{handoff.GapMessageUnsent: 1}, b.look().Repaired)
	gap := b.onlyGap(handoff.GapMessageUnsent)
	require.Equal(t, id, *gap.MessageID)
	require.Contains(t, gap.Note, "uncertain")
	require.Equal(t, handoff.MessageUncertain, b.status(id))
	require.Equal(t, 1, b.Count(t, "events", "type = 'message.uncertain' AND message_id = $1", id), "its agent sees it")
	require.Zero(t, s.leave())
	require.Empty(t, s.meta.Sent(), "nothing left for Meta")
	b.Exec(t, "DELETE FROM ledger_marks")
	require.Empty(t, b.look().Found)
}

// What cannot be made again is told, and keeps nothing else from being looked at.
func TestLedger_AGapThatCannotBeRepairedStaysOpen(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.Exec(t, "DELETE FROM delivery_attempts")
	b.Exec(t, "DELETE FROM deliveries WHERE event_id IN (SELECT id FROM events WHERE type = 'message.queued')")
	b.Exec(t, "UPDATE messages SET status = 'delivered_to_gateway' WHERE id = $1", b.first)
	b.Exec(t, "DELETE FROM contact_identities") // WhatsApp can send to nobody without a number
	b.quiet()
	report := b.look()
	require.Equal(t, map[handoff.GapKind]int{handoff.GapDeliveryMissing: 1}, report.Found)
	require.Empty(t, report.Repaired)
	gap := b.onlyGap(handoff.GapDeliveryMissing)
	require.Nil(t, gap.RepairedAt)
	require.Contains(t, gap.Note, "phone number")
	require.Contains(t, gap.Note, "/replay")
	require.Equal(t, 1, b.look().Open)
	b.Exec(t, "UPDATE endpoints SET deleted_at = now()")
	require.Equal(t, 1, b.look().Closed, "nobody is left who misses it")
}

// Erasure and retention delete in several transactions. What is missing between these is no gap, and nothing is made of it again.
func TestLedger_WhatIsBeingForgottenHasNoGap(t *testing.T) {
	t.Parallel()
	hurt := func(b *book) {
		b.Exec(t, "DELETE FROM delivery_attempts")
		b.Exec(t, "DELETE FROM deliveries")
		b.Exec(t, "DELETE FROM events WHERE type = 'conversation.claimed'")
		b.Exec(t, "UPDATE events SET message_id = NULL WHERE type = 'message.received'")
		b.Exec(t, "UPDATE conversations SET last_seq = last_seq + 1")
		b.Exec(t, "UPDATE messages SET status = 'queued' WHERE direction = 'outbound'")
	}
	for name, forget := range map[string]func(*book){
		"a contact that is being erased": func(b *book) { b.request(b.ref.ContactID) },
		"a conversation past its inbox's retention": func(b *book) {
			b.Exec(t, "UPDATE inboxes SET retention_days = 1")
			b.Exec(t, "UPDATE conversations SET status = 'ended', end_reason = 'admin', ended_at = $1::timestamptz - interval '2 days'", b.now)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t)
			b.accept("Hello?")
			b.Exec(t, "UPDATE wakes SET raised = false")
			forget(b)
			hurt(b)
			deliveries := b.Count(t, "deliveries", "true")
			b.now = b.now.Add(time.Hour)
			require.Subset(t, []handoff.GapKind{handoff.GapNotWoken}, found(b.look()), "what a contact of an open inbox has said is applied even so")
			require.Equal(t, deliveries, b.Count(t, "deliveries", "true"))
			require.Zero(t, b.Count(t, "ledger_gaps", "kind <> 'not_woken'"))
			require.Equal(t, 1, b.Count(t, "messages", "status = 'queued'"))
		})
	}
	t.Run("and without it has", func(t *testing.T) {
		t.Parallel()
		b := newBook(t)
		hurt(b)
		b.now = b.now.Add(time.Hour)
		require.ElementsMatch(t, []handoff.GapKind{
			handoff.GapDeliveryMissing, handoff.GapEventMissing, handoff.GapSequenceWrong, handoff.GapMessageWithoutEvent,
		}, found(b.look()))
	})
}

func found(r activities.LedgerReport) []handoff.GapKind { return slices.Collect(maps.Keys(r.Found)) }

func TestLedger_WhatCannotBeMadeUpStaysOpenUntilItIsBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind       handoff.GapKind
		hurt, mend string
		also       []handoff.GapKind
	}{
		"an event in the middle": {
			kind: handoff.GapEventMissing, hurt: "UPDATE events SET seq = 100000 WHERE type = 'conversation.claimed'",
			mend: "UPDATE events SET seq = (SELECT s FROM generate_series(1, 100) s WHERE NOT EXISTS (SELECT FROM events e WHERE e.conversation_id = events.conversation_id AND e.seq = s) LIMIT 1) WHERE type = 'conversation.claimed'",
			also: []handoff.GapKind{handoff.GapEventMissing, handoff.GapSequenceWrong},
		},
		"the last event": {
			kind: handoff.GapSequenceWrong, hurt: "UPDATE conversations SET last_seq = last_seq + 1", mend: "UPDATE conversations SET last_seq = last_seq - 1",
		},
		"an end that is not the last": {
			kind: handoff.GapEndNotLast, hurt: "UPDATE conversations SET status = 'ended', end_reason = 'admin', ended_at = now()",
			mend: "UPDATE conversations SET status = 'waiting', end_reason = NULL, ended_at = NULL, assignee_id = NULL",
		},
		"a message of which no event tells": {
			kind: handoff.GapMessageWithoutEvent, hurt: "UPDATE events SET message_id = NULL WHERE type = 'message.received'",
			mend: "UPDATE events SET message_id = (SELECT id FROM messages WHERE direction = 'inbound') WHERE type = 'message.received'",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t)
			b.Exec(t, c.hurt)
			b.quiet()
			report := b.look()
			require.Positive(t, report.Found[c.kind], report.Found)
			require.Zero(t, report.Repaired[c.kind])
			require.Equal(t, len(b.gaps()), report.Open)
			if c.also == nil {
				require.Nil(t, b.onlyGap(c.kind).RepairedAt)
			}
			require.Equal(t, report.Open, b.look().Open, "it is the same gap the next time")
			b.Exec(t, c.mend)
			closed := b.look()
			require.Zero(t, closed.Open)
			require.Equal(t, report.Open, closed.Closed)
			require.Equal(t, report.Open, b.Count(t, "events", "type = 'ledger.gap_repaired'"))
		})
	}
}
