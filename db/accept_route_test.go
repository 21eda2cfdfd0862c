package db_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/fixture"
	"handoff/internal/meta"
)

// acceptFor takes a body in as that of a request that may write to one inbox only, or to any where it is nil.
func acceptFor(t *testing.T, w *fixture.World, inbox *handoff.ID, body []byte) (db.Accepted, error) {
	t.Helper()
	parsed, err := meta.Parse(body)
	require.NoError(t, err)
	return db.Accept(context.Background(), w.DB, db.NewReceipt{
		AccountID: w.Account.ID, InboxID: inbox, Protocol: handoff.ProtocolHitlChat, Body: body, Items: parsed.Items, At: time.Now(),
	})
}

// younger makes a second number of the same business account.
func younger(t *testing.T, w *fixture.World) dbsqlc.Inbox {
	t.Helper()
	return w.AddInbox(t, handoff.ProtocolHitlChat, func(row *dbsqlc.InboxInsertParams) { row.WABAID = w.Inbox.WABAID })
}

func TestAMessageThatNamesNoNumberGoesToNoInboxByChance(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	nameless := bytes.Replace(w.Body(john, "which number did I write to?"), []byte(w.Inbox.PhoneNumberID), nil, 1)
	_, err := acceptFor(t, w, nil, nameless)
	require.NoError(t, err, "there is one number only")

	second := younger(t, w)
	_, err = acceptFor(t, w, nil, nameless)
	require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
	require.ErrorContains(t, err, "metadata.phone_number_id is missing, and 2 inboxes are of the WhatsApp Business Account")

	_, err = acceptFor(t, w, &second.ID, bytes.Replace(nameless, []byte("wamid."), []byte("wamid.2"), 1))
	require.NoError(t, err, "the key says which")
	require.Equal(t, 1, w.Count(t, "messages", "inbox_id = $1", second.ID))
	require.Equal(t, 1, w.Count(t, "messages", "inbox_id = $1", w.Inbox.ID))
}

func TestAKeyOfTheSecondNumberMayForwardWhatConcernsTheWholeAccount(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	second := younger(t, w)
	notice := []byte(`{"object":"whatsapp_business_account","entry":[{"id":"` + w.Inbox.WABAID +
		`","changes":[{"field":"account_update","value":{"event":"VERIFIED_ACCOUNT"}}]}]}`)
	for _, inbox := range []*handoff.ID{&second.ID, &w.Inbox.ID, nil} {
		accepted, err := acceptFor(t, w, inbox, notice)
		require.NoError(t, err)
		require.Equal(t, db.OutcomeRecorded, accepted.Items[0].Outcome)
	}
	require.Equal(t, 1, w.Count(t, "receipt_items", "inbox_id = $1", second.ID))

	other := w.AddInbox(t, handoff.ProtocolHitlChat)
	_, err := acceptFor(t, w, &other.ID, notice)
	require.Equal(t, handoff.CodeForbidden, handoff.ErrorCode(err))
}

func TestARefusedHandOverOfMetasIsForwardedAllTheSame(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	inbox := w.AddInbox(t, handoff.ProtocolKapso, func(row *dbsqlc.InboxInsertParams) { row.Accepting = false })
	w.AddRawEndpoint(t, inbox, fixture.NewGateway(t))
	body := []byte(`{"object":"whatsapp_business_account","entry":[{"id":"` + inbox.WABAID + `","changes":[{"field":"messaging_handovers","value":{` +
		`"messaging_product":"whatsapp","recipient":{"phone_number_id":"` + inbox.PhoneNumberID + `"},"sender":{"phone_number":"` + john + `"},` +
		`"timestamp":"1700000002","type":"control_passed","control_passed":{"previous_owner_role":"ai_agent","new_owner_role":"escalation"}}}]}]}`)
	accepted, err := acceptFor(t, w, &inbox.ID, body)
	require.NoError(t, err)
	require.Equal(t, db.OutcomeRefused, accepted.Items[0].Outcome)
	require.Len(t, accepted.Wakes, 1, "for the delivery")
	require.Equal(t, 1, w.Count(t, "deliveries", "body = $1", body))
	require.Zero(t, w.Count(t, "messages", "true"), "nobody is asked for")
}
