package db_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/internal/fixture"
)

func identity(kind handoff.IdentityKind, value string) handoff.Identity {
	return handoff.Identity{Kind: kind, Value: value}
}

func byBSUID(value string) handoff.Identity    { return identity(handoff.IdentityBSUID, value) }
func byPhone(value string) handoff.Identity    { return identity(handoff.IdentityPhone, value) }
func byUsername(value string) handoff.Identity { return identity(handoff.IdentityUsername, value) }
func bySession(value string) handoff.Identity  { return identity(handoff.IdentitySession, value) }

// text is a message of a contact that is known by these identities.
func text(w *fixture.World, identities ...handoff.Identity) handoff.Item {
	return handoff.Item{
		Kind: handoff.ItemMessage, Location: "x", ExternalID: "wamid." + handoff.NewID().String(),
		Route:   handoff.Route{WABAID: w.Inbox.WABAID, PhoneNumberID: w.Inbox.PhoneNumberID},
		Contact: &handoff.ItemContact{Identities: identities},
		Message: &handoff.ItemMessageBody{Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "text", Text: "hello", Opens: true},
	}
}

// acceptItems takes items in as one body.
func acceptItems(w *fixture.World, database db.DB, items ...handoff.Item) (db.Accepted, error) {
	return db.Accept(context.Background(), database, db.NewReceipt{
		AccountID: w.Account.ID, Protocol: handoff.ProtocolHitlChat, Body: []byte(`{}`), Items: items, At: time.Now(),
	})
}

// writes takes one message of each description in, each as a body of its own, and gives the contacts of these messages.
func writes(t *testing.T, w *fixture.World, described ...[]handoff.Identity) []handoff.ID {
	t.Helper()
	var contacts []handoff.ID
	for _, identities := range described {
		contact, _ := writesOne(t, w, identities...)
		contacts = append(contacts, contact)
	}
	return contacts
}

func writesOne(t *testing.T, w *fixture.World, identities ...handoff.Identity) (handoff.ID, db.AcceptedItem) {
	t.Helper()
	accepted, err := acceptItems(w, w.DB, text(w, identities...))
	require.NoError(t, err)
	var contact handoff.ID
	require.NoError(t, w.DB.QueryRow(t.Context(), "SELECT contact_id FROM messages WHERE id = $1", accepted.Items[0].MessageID).Scan(&contact))
	return contact, accepted.Items[0]
}

// identitiesOf lists what a contact is known by, in the order of the API: a message goes to the first phone number.
func identitiesOf(t *testing.T, w *fixture.World, contact handoff.ID) (out []string) {
	t.Helper()
	rows, err := w.DB.Query(t.Context(),
		"SELECT kind, value FROM contact_identities WHERE contact_id = $1 ORDER BY kind, created_at DESC, value", contact)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var kind, value string
		require.NoError(t, rows.Scan(&kind, &value))
		out = append(out, kind+" "+value)
	}
	require.NoError(t, rows.Err())
	return out
}

type known = []handoff.Identity

func TestASequenceOfDescriptionsIsTheseContacts(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		described []known
		contacts  []int      // of each message, numbered as they appear
		end       [][]string // what each contact is known by at last
	}{
		"a bsuid first, a phone second": {
			described: []known{{byBSUID("GB.1"), byPhone("44771")}, {byBSUID("GB.1")}, {byPhone("44771")}},
			contacts:  []int{0, 0, 0}, end: [][]string{{"bsuid GB.1", "phone 44771"}},
		},
		"a known phone learns its bsuid": {
			described: []known{{byPhone("44771")}, {byBSUID("GB.1"), byPhone("44771")}, {byBSUID("GB.1")}},
			contacts:  []int{0, 0, 0}, end: [][]string{{"bsuid GB.1", "phone 44771"}},
		},
		"a known bsuid with a new phone gains the phone, and answers go to it": {
			described: []known{{byBSUID("GB.1"), byPhone("44772")}, {byBSUID("GB.1"), byPhone("44771")}, {byPhone("44771")}, {byPhone("44772")}},
			contacts:  []int{0, 0, 0, 0}, end: [][]string{{"bsuid GB.1", "phone 44772", "phone 44771"}},
		},
		"conflicting identities never merge: the stronger decides and the weaker stays": {
			described: []known{{byBSUID("GB.1")}, {byPhone("44771")}, {byBSUID("GB.1"), byPhone("44771")}, {byPhone("44771")}},
			contacts:  []int{0, 1, 0, 1}, end: [][]string{{"bsuid GB.1"}, {"phone 44771"}},
		},
		"a bsuid rotated on a number change: a notice with both keeps the contact": {
			described: []known{{byBSUID("GB.1"), byPhone("44771")}, {byBSUID("GB.2"), byBSUID("GB.1")}, {byBSUID("GB.2"), byPhone("44772")}},
			contacts:  []int{0, 0, 0}, end: [][]string{{"bsuid GB.2", "bsuid GB.1", "phone 44772", "phone 44771"}},
		},
		"a changed number: a notice with both keeps the contact, which then writes from the new one": {
			described: []known{{byPhone("44772")}, {byPhone("44771"), byPhone("44772")}, {byPhone("44771")}},
			contacts:  []int{0, 0, 0}, end: [][]string{{"phone 44771", "phone 44772"}},
		},
		"a notice of somebody unknown keeps nothing of the number that was given up": {
			described: []known{{byPhone("44771"), byPhone("44772")}, {byPhone("44772")}},
			contacts:  []int{0, 1}, end: [][]string{{"phone 44771"}, {"phone 44772"}},
		},
		"a late message from the number that was given up still finds its contact": {
			described: []known{{byPhone("44772")}, {byPhone("44771"), byPhone("44772")}, {byPhone("44772")}},
			contacts:  []int{0, 0, 0}, end: [][]string{{"phone 44772", "phone 44771"}},
		},
		"a number that was given up and comes with a stranger's bsuid is the stranger's": {
			described: []known{
				{byBSUID("GB.1"), byPhone("44772")},
				{byBSUID("GB.2"), byPhone("44771"), byBSUID("GB.1"), byPhone("44772")},
				{byBSUID("GB.9"), byPhone("44772")},
				{byPhone("44772")},
				{byBSUID("GB.1")},
			},
			contacts: []int{0, 0, 1, 1, 0}, end: [][]string{{"bsuid GB.1", "bsuid GB.2", "phone 44771"}, {"bsuid GB.9", "phone 44772"}},
		},
		"a second bsuid of a number that was not given up is that of another portfolio": {
			described: []known{{byBSUID("GB.1"), byPhone("44771")}, {byBSUID("GB.5"), byPhone("44771")}},
			contacts:  []int{0, 0}, end: [][]string{{"bsuid GB.5", "bsuid GB.1", "phone 44771"}},
		},
		"a username finds a contact where nothing stronger is said": {
			described: []known{{byBSUID("GB.1"), byUsername("ann")}, {byUsername("ann")}},
			contacts:  []int{0, 0}, end: [][]string{{"bsuid GB.1", "username ann"}},
		},
		"a contact first seen by its username only is the same when its bsuid comes": {
			described: []known{{byUsername("ann")}, {byBSUID("GB.1"), byUsername("ann")}, {byBSUID("GB.1")}},
			contacts:  []int{0, 0, 0}, end: [][]string{{"bsuid GB.1", "username ann"}},
		},
		"a username whose contact has a bsuid of its own has passed to somebody new": {
			described: []known{{byBSUID("GB.1"), byUsername("ann")}, {byBSUID("GB.2"), byUsername("ann")}, {byUsername("ann")}},
			contacts:  []int{0, 1, 1}, end: [][]string{{"bsuid GB.1"}, {"bsuid GB.2", "username ann"}},
		},
		"a username whose contact has a phone of its own has passed to somebody new": {
			described: []known{{byPhone("44771"), byUsername("ann")}, {byPhone("44772"), byUsername("ann")}},
			contacts:  []int{0, 1}, end: [][]string{{"phone 44771"}, {"phone 44772", "username ann"}},
		},
		"a username goes to the contact that a known bsuid names": {
			described: []known{{byBSUID("GB.1")}, {byUsername("ann")}, {byBSUID("GB.1"), byUsername("ann")}, {byUsername("ann")}},
			contacts:  []int{0, 1, 0, 0}, end: [][]string{{"bsuid GB.1", "username ann"}, nil},
		},
		"a session finds its contact before a phone does": {
			described: []known{{bySession("s1")}, {byPhone("44771")}, {bySession("s1"), byPhone("44771")}},
			contacts:  []int{0, 1, 0}, end: [][]string{{"session s1"}, {"phone 44771"}},
		},
		"a new session with a known phone is the person of that phone": {
			described: []known{{byBSUID("GB.1"), byPhone("44771")}, {byPhone("44771"), bySession("s1")}, {bySession("s1")}},
			contacts:  []int{0, 0, 0}, end: [][]string{{"bsuid GB.1", "phone 44771", "session s1"}},
		},
		"a new session with a new phone is a new contact with both": {
			described: []known{{byPhone("44771"), bySession("s1")}, {byPhone("44771")}},
			contacts:  []int{0, 0}, end: [][]string{{"phone 44771", "session s1"}},
		},
		"either form of a Brazilian mobile number is the same contact, known by what WhatsApp wrote last": {
			described: []known{{byPhone("5541988887777")}, {byPhone("5541988887777")}, {byPhone("554188887777")}},
			contacts:  []int{0, 0, 0}, end: [][]string{{"phone 554188887777"}},
		},
		"either form of a Mexican number is the same contact, known by what WhatsApp wrote last": {
			described: []known{{byPhone("525512345678")}, {byBSUID("MX.1"), byPhone("5215512345678")}, {byPhone("525512345678")}},
			contacts:  []int{0, 0, 0}, end: [][]string{{"bsuid MX.1", "phone 525512345678"}},
		},
		"either form of an Argentine number is the same contact, known by what WhatsApp wrote last": {
			described: []known{{byPhone("5491123456789")}, {byPhone("541123456789"), bySession("s")}},
			contacts:  []int{0, 0}, end: [][]string{{"phone 541123456789", "session s"}},
		},
		"a Brazilian landline is not the mobile number with one digit more": {
			described: []known{{byPhone("551143218765")}, {byPhone("5511943218765")}},
			contacts:  []int{0, 1}, end: [][]string{{"phone 551143218765"}, {"phone 5511943218765"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := crowded(t)
			var numbers []int
			var seen []handoff.ID
			for _, contact := range writes(t, w, tc.described...) {
				n := -1
				for i, id := range seen {
					if id == contact {
						n = i
					}
				}
				if n < 0 {
					n, seen = len(seen), append(seen, contact)
				}
				numbers = append(numbers, n)
			}
			require.Equal(t, tc.contacts, numbers)
			var end [][]string
			for _, contact := range seen {
				end = append(end, identitiesOf(t, w, contact))
			}
			require.Equal(t, tc.end, end)
			require.Equal(t, len(seen), w.Count(t, "contacts", "true"))
		})
	}
}

func TestTheReceiptSaysThatAnIdentityStaysWithAnotherContact(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	writes(t, w, known{byBSUID("GB.1")}, known{byPhone("44771")})
	_, item := writesOne(t, w, byBSUID("GB.1"), byPhone("44771"))
	require.Equal(t, "another contact has the same phone; it stays there, because contacts are never merged", item.Reason)
	require.Equal(t, db.OutcomeAccepted, item.Outcome)
	_, item = writesOne(t, w, byBSUID("GB.1"))
	require.Empty(t, item.Reason)
}

// One body says the same as the same messages in a body each.
func TestTheItemsOfABodyCountOneAfterTheOther(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	accepted, err := acceptItems(w, w.DB,
		text(w, byPhone("44771")), text(w, byBSUID("GB.1"), byPhone("44771")), text(w, byBSUID("GB.1")), text(w, byUsername("ann")),
		text(w, byBSUID("GB.2"), byUsername("ann")), text(w, byPhone("5541988887777")), text(w, byPhone("554188887777")))
	require.NoError(t, err)
	require.Len(t, accepted.Wakes, 3)
	require.Equal(t, 3, w.Count(t, "contacts", "true"))
	require.Equal(t, 5, w.Count(t, "contact_identities", "true"))
}

func TestARepeatedMessageTakesNoUsernameBack(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	first := text(w, byBSUID("GB.1"), byUsername("ann"))
	for _, item := range []handoff.Item{first, text(w, byBSUID("GB.2"), byUsername("ann"))} {
		_, err := acceptItems(w, w.DB, item)
		require.NoError(t, err)
	}
	before := w.Dump(t)
	_, err := acceptItems(w, w.DB, first)
	require.NoError(t, err)
	w.RequireUnchanged(t, before)
}

func TestTenantsHaveContactsOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	other := fixture.New(t, w.DB)
	mine := writes(t, w, known{byBSUID("GB.1"), byPhone("5541988887777")})
	theirs := writes(t, other, known{byBSUID("GB.1"), byPhone("554188887777")})
	require.NotEqual(t, mine, theirs)
	require.Equal(t, []string{"bsuid GB.1", "phone 554188887777"}, identitiesOf(t, other, theirs[0]))
}

func TestOffloadsAndEndsHaveContactsAsMessagesDo(t *testing.T) {
	t.Parallel()
	for _, kind := range []handoff.ItemKind{handoff.ItemOffload, handoff.ItemEnd} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := crowded(t)
			item := text(w, byPhone("44771"), bySession("s"))
			item.Kind, item.Message = kind, nil
			if kind == handoff.ItemOffload {
				item.Offload = &handoff.ItemOffloadBody{}
			}
			_, err := acceptItems(w, w.DB, item)
			require.NoError(t, err)
			require.Equal(t, 2, w.Count(t, "contact_identities", "true"))
			require.Equal(t, 1, w.Count(t, "wakes", "true"))
		})
	}
}

func TestNewContactsOfABigBodyNeedFewLocks(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	tx, err := w.DB.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	var items []handoff.Item
	for n := range 1000 {
		items = append(items, text(w, byBSUID(fmt.Sprintf("GB.%d", n)), byPhone(fmt.Sprintf("44770%06d", n))))
	}
	_, err = acceptItems(w, tx, items...)
	require.NoError(t, err)
	var locks int
	require.NoError(t, tx.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()").Scan(&locks))
	require.LessOrEqual(t, locks, 512)
}

// Meta's standby transcript names the customer by user id, and its hand-over may name only the phone number.
func TestAHandOverOfMetasFindsTheContactOfItsTranscript(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	body := fmt.Appendf(nil, `{"entry":[{"id":%q,"changes":[
		{"field":"standby","value":{"metadata":{"phone_number_id":%[2]q},"standby":{
			"contacts":[{"profile":{"name":"Ann"},"wa_id":"554188887777","user_id":"BR.1"}],
			"messages":[{"from":"554188887777","from_user_id":"BR.1","id":"wamid.1","type":"text","text":{"body":"A person, please"}}]}}},
		{"field":"messaging_handovers","value":{"recipient":{"phone_number_id":%[2]q},"sender":{"phone_number":"+5541988887777"},
			"timestamp":"1700000002","type":"control_passed","control_passed":{"new_owner_role":"escalation"}}}]}]}`,
		w.Inbox.WABAID, w.Inbox.PhoneNumberID)
	for range 2 {
		_, err := accept(w, w.DB, body)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"Ann"}, names(t, w))
	require.Equal(t, 2, w.Count(t, "contact_identities", "true"))
	require.Equal(t, 2, w.Count(t, "receipt_items", "kind = 'offload'"))
	require.Equal(t, 1, w.Count(t, "receipt_items", "kind = 'offload' AND duplicate"), "the second is a repeat")
}

func TestAContactIsAnsweredAtTheNumberThatItsWhatsAppWrites(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	const typed, written = "5541988887777", "554188887777"
	contact, err := db.FindContact(t.Context(), w.DB, w.Inbox, handoff.ItemContact{Identities: known{byPhone(typed)}}, time.Now())
	require.NoError(t, err)
	first := text(w, byPhone(written))
	for range 2 {
		_, err = acceptItems(w, w.DB, first)
		require.NoError(t, err)
		require.Equal(t, []string{"phone " + written}, identitiesOf(t, w, contact), "the gateway knows its session by that")
	}
	_, err = db.FindContact(t.Context(), w.DB, w.Inbox, handoff.ItemContact{Identities: known{byPhone(typed)}}, time.Now())
	require.NoError(t, err)
	echo := text(w, byPhone(typed))
	echo.Message.Direction, echo.Message.Author, echo.Message.Opens = handoff.Outbound, handoff.AuthorAgent, false
	_, err = acceptItems(w, w.DB, echo)
	require.NoError(t, err)
	require.Equal(t, []string{"phone " + written}, identitiesOf(t, w, contact), "what people type changes nothing")

	_, err = acceptItems(w, w.DB, text(w, byPhone(typed)), text(w, byPhone(written)))
	require.NoError(t, err)
	require.Equal(t, []string{"phone " + written}, identitiesOf(t, w, contact), "the last of a body counts")
	require.Equal(t, 1, w.Count(t, "contacts", "true"))
}
