package db_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/protocol/hitlchat"
)

func TestDelivery_39_AMessageThatNoVendorsFormCanTellIsRefusedAtItsSource(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	for text, code := range map[string]handoff.Code{
		strings.Repeat("x", db.MaxContent-200): "",
		strings.Repeat("x", db.MaxContent):     handoff.CodeTooLarge,
	} {
		body := w.Body(john, "before", text)
		parsed, err := hitlchat.Parse(body)
		require.NoError(t, err)
		receipt := db.NewReceipt{AccountID: w.Account.ID, Protocol: handoff.ProtocolHitlChat, Body: body, Items: parsed.Items, At: time.Now()}
		_, err = db.Accept(context.Background(), w.DB, receipt)
		require.Equal(t, code, handoff.ErrorCode(err))
		if code == "" {
			continue
		}
		var refusal *handoff.Error
		require.ErrorAs(t, err, &refusal)
		require.Contains(t, refusal.Message, parsed.Items[1].ExternalID, "it names the message")
		require.Len(t, refusal.Details, 1)
		require.Equal(t, parsed.Items[1].Location, refusal.Details[0].Location)
		require.Zero(t, w.Count(t, "messages", "external_id = $1", parsed.Items[0].ExternalID), "nothing of the body is taken")
	}
}

// Meta repeats a refused body for days, and with it every other message in it.
func TestDelivery_39_OfASenderWhoInsistsOnlyTheLargeMessageIsPutAside(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	body := w.Body(john, "before", strings.Repeat("x", db.MaxContent), "after")
	parsed, err := hitlchat.Parse(body)
	require.NoError(t, err)
	accepted, err := db.Accept(context.Background(), w.DB, db.NewReceipt{
		AccountID: w.Account.ID, Protocol: handoff.ProtocolHitlChat, Body: body, Items: parsed.Items, At: time.Now(), Insistent: true,
	})
	require.NoError(t, err)
	require.Equal(t, db.OutcomeAccepted, accepted.Items[0].Outcome)
	require.Equal(t, db.OutcomeRecorded, accepted.Items[1].Outcome)
	require.Equal(t, handoff.ItemEvent, accepted.Items[1].Kind)
	require.Contains(t, accepted.Items[1].Reason, "too large")
	require.Equal(t, db.OutcomeAccepted, accepted.Items[2].Outcome)
	require.Equal(t, 2, w.Count(t, "messages", "true"))
	require.Equal(t, 1, w.Count(t, "receipts", "body = $1", body), "its bytes are kept")
	require.Equal(t, 1, w.Count(t, "receipt_items", "outcome = 'recorded' AND reason LIKE '%too large%'"))
}
