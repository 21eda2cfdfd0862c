package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ownerAnswer is who may speak to a contact.
type ownerAnswer struct {
	Owner          string    `json:"owner"`
	Agent          *named    `json:"agent"`
	ConversationID string    `json:"conversation_id"`
	Status         string    `json:"status"`
	Reason         string    `json:"reason"`
	Since          time.Time `json:"since"`
}

// deed is a command or a look, and when it was asked and answered.
type deed struct {
	began, ended time.Time
	agent        string // who did it, or who was seen to have it
	since        time.Time
	lowest       int // which change it is, or the first of those that it may have seen
	highest      int
	answer       answer
}

// TestTheOwnerNeverGoesBack has agents claim and release side by side while others ask all the time who has the conversation, by its id
// and by its contact. Every look that begins after an answer sees what that answer told, or something later.
func TestTheOwnerNeverGoesBack(t *testing.T) {
	t.Parallel()
	theMachine.Lock()
	defer theMachine.Unlock()
	s := newStack(t)
	into[receipt](t, s.post(text("447700900123", "wamid.owner", "Hello")), http.StatusOK)
	conv := s.open()
	people := s.people(4)
	byID, byContact := s.url+"/v1/conversations/"+conv.ID+"/owner", s.url+"/v1/inboxes/"+s.inbox+"/owner?contact=447700900123"

	var mu sync.Mutex
	var commands, looks []deed
	var group, readers sync.WaitGroup
	note := func(list *[]deed, d deed, a answer) {
		d.ended, d.answer = time.Now(), a
		mu.Lock()
		defer mu.Unlock()
		*list = append(*list, d)
	}
	done := make(chan struct{})
	for i := range 4 {
		readers.Go(func() {
			for n := i; ; n++ {
				url, key := byID, s.anaKey
				if n%2 == 0 {
					url, key = byContact, s.gatewayKey
				}
				d := deed{began: time.Now()}
				a, _ := send(http.MethodGet, url, key, nil)
				note(&looks, d, a)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for _, p := range people {
		group.Go(func() {
			for n, verb := 0, "claim"; n < 150; n++ {
				d := deed{began: time.Now(), agent: p.named}
				a, _ := followed(t.Context(), http.MethodPost, s.url+"/v1/conversations/"+conv.ID+"/"+verb, p.key, "")
				note(&commands, d, a)
				if a.status == http.StatusOK {
					verb = map[string]string{"claim": "release", "release": "claim"}[verb]
				}
			}
		})
	}
	group.Wait()
	close(done)
	readers.Wait()
	commands = slices.DeleteFunc(commands, func(d deed) bool {
		require.Contains(t, []int{http.StatusOK, http.StatusConflict}, d.answer.status, "%s", d.answer.body)
		return d.answer.status != http.StatusOK
	})
	for i, d := range looks {
		seen := into[ownerAnswer](t, d.answer, http.StatusOK)
		looks[i].since = seen.Since
		if seen.Agent != nil {
			looks[i].agent = seen.Agent.ID
		}
	}
	into[conversation](t, s.command(s.adminKey, conv.ID, "resolve", nil), http.StatusOK)
	s.requireLinear(conv.ID, commands, looks)
}

// requireLinear puts commands and looks into the order of the events and holds it against the order in which they were answered.
func (s *stack) requireLinear(conversation string, commands, looks []deed) {
	s.Helper()
	var changes []deed // by their place: who has it from then on
	byActor := map[string][]int{}
	for _, e := range s.told(conversation) {
		switch e.Type {
		case "conversation.opened":
			changes = append(changes, deed{since: e.At})
		case "conversation.claimed":
			byActor[e.Actor.ID] = append(byActor[e.Actor.ID], len(changes))
			changes = append(changes, deed{agent: e.Actor.ID, since: e.At})
		case "conversation.released":
			byActor[e.Actor.ID] = append(byActor[e.Actor.ID], len(changes))
			changes = append(changes, deed{since: e.At})
		}
	}
	slices.SortFunc(commands, func(a, b deed) int { return a.began.Compare(b.began) })
	nth := map[string]int{}
	for i, d := range commands {
		require.Less(s, nth[d.agent], len(byActor[d.agent]), "a command was answered and is no event")
		commands[i].lowest = byActor[d.agent][nth[d.agent]]
		commands[i].highest = commands[i].lowest
		nth[d.agent]++
	}
	require.Len(s, commands, len(changes)-1, "every event was a command's")
	for i, look := range looks {
		looks[i].lowest = -1
		for n, change := range changes {
			first := n == 0 && look.since.Before(changes[1].since) // the opening is told of before it is written
			if change.agent != look.agent || (!first && !change.since.Equal(look.since)) {
				continue
			}
			if looks[i].highest = n; looks[i].lowest < 0 {
				looks[i].lowest = n
			}
		}
		require.GreaterOrEqual(s, looks[i].lowest, 0, "nobody ever held it like that: %s", look.answer.body)
	}
	all := slices.Concat(commands, looks)
	stale := 0
	for _, before := range all {
		for _, after := range all {
			if before.ended.Before(after.began) && after.highest < before.lowest {
				stale++
			}
		}
	}
	require.Zero(s, stale, "somebody was told what was over")
	s.Logf("%d changes of hands, seen %d times", len(commands), len(looks))
}

// TestTheOwnerWithoutAWorker asks by a gateway's key in every state, and while no worker applies anything: from the moment in which an
// offload is answered, the bot has to keep quiet.
func TestTheOwnerWithoutAWorker(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	inbox := s.make("inbox", "create", "--account="+s.account, "--name=Web", "--protocol=native")["id"]
	s.make("endpoint", "create", "--account="+s.account, "--inbox="+inbox, "--url="+s.gateway.URL, "--event-types=message.queued,conversation.passed")
	post := func(path string, body any) {
		t.Helper()
		a := call(t, http.MethodPost, s.url+"/v1/inboxes/"+inbox+path, s.gatewayKey, body)
		require.Equal(t, http.StatusOK, a.status, "%s", a.body)
	}
	contact := map[string]any{"id": "visitor-17"}
	n := 0
	offload := func() { n++; post("/offloads", map[string]any{"contact": contact, "id": fmt.Sprint("o", n)}) }
	writes := func(opens bool) {
		n++
		post("/messages", map[string]any{"messages": []any{map[string]any{"contact": contact, "id": fmt.Sprint("m", n), "text": "Hello", "opens": opens}}})
	}
	owner := func(query string) ownerAnswer {
		t.Helper()
		return into[ownerAnswer](t, call(t, http.MethodGet, s.url+"/v1/inboxes/"+inbox+"/owner?contact="+query, s.gatewayKey, nil), http.StatusOK)
	}
	is := func(want, status, reason string) {
		t.Helper()
		got := owner("visitor-17")
		require.Equal(t, []string{want, status, reason}, []string{got.Owner, got.Status, got.Reason})
	}
	becomes := func(want, status, reason string) {
		t.Helper()
		until(t, readyWithin, want+" "+status, func() bool { got := owner("visitor-17"); return got.Status == status && got.Owner == want })
		is(want, status, reason)
	}
	command := func(key, verb string) {
		t.Helper()
		into[conversation](t, s.command(key, owner("visitor-17").ConversationID, verb, nil), http.StatusOK)
	}
	stop := func() { require.True(t, s.worker.signal(syscall.SIGKILL, 10*time.Second)) }
	start := func() { require.NoError(t, s.worker.start()) }

	require.Equal(t, ownerAnswer{Owner: "bot"}, owner("nobody-has-heard-of"))
	stop()
	writes(false)
	is("bot", "", "")
	offload()
	is("nobody", "", "offloaded")
	start()
	becomes("nobody", "waiting", "offloaded")
	command(s.anaKey, "claim")
	is("agent", "assigned", "claimed")
	require.Equal(t, "Ana", owner("visitor-17").Agent.Name)
	command(s.anaKey, "snooze")
	is("agent", "snoozed", "claimed")
	command(s.anaKey, "pass")
	is("bot", "bot", "passed")

	stop()
	writes(true)
	is("bot", "bot", "passed") // it is for the bot
	offload()
	is("nobody", "", "offloaded")
	start()
	becomes("nobody", "waiting", "offloaded")
	command(s.benKey, "claim")
	command(s.benKey, "release")
	is("nobody", "waiting", "released")
	command(s.benKey, "resolve")
	is("bot", "ended", "ended")

	stop()
	writes(true)
	is("nobody", "", "offloaded") // that opens the next one
	start()
	becomes("nobody", "waiting", "opened")

	stranger := s.make("account", "create", "Other")["id"]
	key := s.make("key", "create", "--account="+stranger, "--name=test", "--scope=gateway")["key"]
	requireProblem(t, call(t, http.MethodGet, s.url+"/v1/inboxes/"+inbox+"/owner?contact=visitor-17", key, nil), http.StatusNotFound, "not_found")
	var raw map[string]json.RawMessage
	a := call(t, http.MethodGet, s.url+"/v1/inboxes/"+inbox+"/owner?contact=visitor-17", s.gatewayKey, nil)
	require.NoError(t, json.Unmarshal(a.body, &raw))
	require.NotContains(t, raw, "agent")
}
