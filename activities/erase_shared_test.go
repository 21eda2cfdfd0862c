package activities_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/activities"
)

// Bytes that name others too wait for an hour at most: what is left to them may not keep the contact's runs, or the erasure would wait as
// long as the endpoint is down.
func TestAnErasureDoesNotWaitForBytesThatNameOthers(t *testing.T) {
	t.Parallel()
	for _, phone := range []string{john, jane} { // in whose lane the bytes are, and in whose the mark
		s := newForwardScene(t)
		s.Gateway.Answer(func(int) (int, string) { return http.StatusServiceUnavailable, "" })
		s.posts(s.both())
		in := s.request(s.refs[phone].ContactID)
		left, err := s.EraseClose(t.Context(), activities.EraseCloseInput{ErasureInput: in, Drop: true})
		require.NoError(t, err)
		require.Zero(t, left)
		waits, err := s.EraseShared(t.Context(), activities.EraseSharedInput{ErasureInput: in, Until: s.now.Add(time.Hour)})
		require.NoError(t, err)
		require.Equal(t, 1, waits)
		require.Equal(t, 1, s.Count(t, "deliveries", "state = 'pending' AND octet_length(body) > 0"), "they are the other's message")
		require.Equal(t, "finished", s.erase(in).State, "an hour later")
		require.Empty(t, hits(t, s.World.DB, phone))
	}
}

// The bytes stand in John's lane, and when they have arrived nothing in Jane's leads to them.
func TestAnErasureBlanksBytesThatHaveArrivedInTheLaneOfAnother(t *testing.T) {
	t.Parallel()
	s := newForwardScene(t)
	s.posts(s.both())
	require.Zero(t, s.of(john))
	require.Zero(t, s.of(jane))
	s.posts(s.Body(john, "two"))
	require.Zero(t, s.of(john))
	require.NotEmpty(t, hits(t, s.World.DB, jane))
	require.Equal(t, "finished", s.erase(s.request(s.refs[jane].ContactID)).State)
	require.Empty(t, hits(t, s.World.DB, jane))
	require.Equal(t, 2, s.Count(t, "deliveries", "contact_id = $1 AND octet_length(body) > 0", s.refs[john].ContactID), "John's own stay")
}

// A name may stand in what others write, and be nothing but a word.
func TestAnErasureLosesNoMessageOfAnotherThatHasTheNameInIt(t *testing.T) {
	t.Parallel()
	s := newForwardScene(t)
	s.exec("INSERT INTO contact_identities (account_id, kind, value, contact_id) VALUES ($1, 'username', 'apple', $2)", s.Account.ID, s.refs[jane].ContactID)
	s.Gateway.Answer(func(int) (int, string) { return http.StatusServiceUnavailable, "" })
	s.posts(s.Body(john, "pineapple, please"))
	require.Equal(t, "finished", s.erase(s.request(s.refs[jane].ContactID)).State)
	require.Equal(t, 1, s.Count(t, "deliveries", "state = 'pending' AND position('pineapple'::bytea IN body) > 0"))
}

// The same number writes again in the moment after, with its gateway down.
func TestAnErasureLeavesWhatANewContactHasOnItsWay(t *testing.T) {
	t.Parallel()
	s := newForwardScene(t)
	in := s.request(s.refs[jane].ContactID)
	s.Gateway.Answer(func(int) (int, string) { return http.StatusServiceUnavailable, "" })
	s.now = s.now.Add(10 * time.Second)
	s.posts(s.Body(jane, "I am new here"))
	require.Equal(t, "finished", s.erase(in).State)
	require.Equal(t, 1, s.Count(t, "deliveries", "state = 'pending' AND position('I am new here'::bytea IN body) > 0"))
}

// Forwarded bytes belong to no conversation and to no message.
func TestRetentionForgetsBytesThatWereForwarded(t *testing.T) {
	t.Parallel()
	s := newForwardScene(t)
	s.exec("UPDATE inboxes SET retention_days = 1")
	s.now = s.now.Add(aDay / 2)
	s.posts(s.Body(jane, "younger"))
	require.Zero(t, s.of(jane))
	s.now = s.now.Add(aDay/2 + time.Hour)
	s.forgets()
	require.Empty(t, hits(t, s.World.DB, john))
	require.Zero(t, s.Count(t, "deliveries", "contact_id = $1", s.refs[john].ContactID))
	require.Equal(t, 1, s.Count(t, "deliveries", "contact_id = $1", s.refs[jane].ContactID), "what is younger stays")
}

// Deleted with its contact, a webhook on its way would never leave: nobody comes to its lane any more.
func TestRetentionKeepsTheContactOfBytesThatAreOnTheirWay(t *testing.T) {
	t.Parallel()
	s := newForwardScene(t)
	s.exec("UPDATE inboxes SET retention_days = 1")
	s.Gateway.Answer(func(int) (int, string) { return http.StatusServiceUnavailable, "" })
	s.posts(s.StatusBody("wamid.x", "read"))
	s.exec("UPDATE wakes SET raised = false") // its run is at work
	s.now = s.now.Add(2 * aDay)
	s.forgets()
	require.Equal(t, 1, s.Count(t, "deliveries", "state = 'pending'"))
	require.Equal(t, 1, s.Count(t, "deliveries d JOIN wakes w ON w.contact_id = d.contact_id", "d.state = 'pending'"))
	s.exec("UPDATE deliveries SET state = 'delivered', next_attempt_at = NULL, finished_at = now()")
	s.forgets()
	require.Zero(t, s.Count(t, "deliveries", "true"))
	require.Zero(t, s.Count(t, "contacts", "true"))
}
