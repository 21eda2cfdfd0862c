package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const claimants = 200

// person is an agent with a key.
type person struct{ named, key string }

// people makes agents as an admin's client does.
func (s *stack) people(n int) []person {
	s.Helper()
	made := make([]person, 0, n)
	for i := range n {
		agent := into[named](s.T, call(s.T, http.MethodPost, s.url+"/v1/agents", s.adminKey, map[string]any{"name": fmt.Sprintf("Agent %d", i)}), http.StatusCreated)
		key := into[struct{ Key string }](s.T, call(s.T, http.MethodPost, s.url+"/v1/api-keys", s.adminKey,
			map[string]any{"name": agent.Name, "scope": "agent", "agent_id": agent.ID}), http.StatusCreated)
		made = append(made, person{agent.ID, key.Key})
	}
	return made
}

// TestOfTwoHundredSimultaneousClaimsOneWins has two hundred agents claim one conversation in the same moment. One has it, and all others
// are told who.
func TestOfTwoHundredSimultaneousClaimsOneWins(t *testing.T) {
	t.Parallel()
	theMachine.Lock()
	defer theMachine.Unlock()
	s := newStack(t)
	people := s.people(claimants)
	for round := range 3 {
		into[receipt](t, s.post(text(crashPhone(round), fmt.Sprintf("wamid.claims.%d", round), "Hello")), http.StatusOK)
		conv := s.open()
		answers, took := make([]answer, claimants), make([]time.Duration, claimants)
		start := make(chan struct{})
		var group sync.WaitGroup
		for i, p := range people {
			group.Go(func() {
				<-start
				began := time.Now()
				answers[i], _ = followed(t.Context(), http.MethodPost, s.url+"/v1/conversations/"+conv.ID+"/claim", p.key, "")
				took[i] = time.Since(began)
			})
		}
		close(start)
		group.Wait()
		winners := slices.DeleteFunc(slices.Clone(answers), func(a answer) bool { return a.status != http.StatusOK })
		require.Len(t, winners, 1)
		winner := into[conversation](t, winners[0], http.StatusOK).Assignee
		for _, a := range answers {
			if a.status != http.StatusOK {
				require.Equal(t, winner, requireProblem(t, a, http.StatusConflict, "conflict").Assignee)
			}
		}
		require.Equal(t, winner, s.conversation(conv.ID).Assignee)
		into[conversation](t, s.command(s.adminKey, conv.ID, "resolve", nil), http.StatusOK)
		claimed := slices.DeleteFunc(s.told(conv.ID), func(e toldEvent) bool { return e.Type != "conversation.claimed" })
		require.Len(t, claimed, 1)
		slices.Sort(took)
		t.Logf("%d claims: half of them answered within %s, all within %s", claimants, took[claimants/2].Round(time.Millisecond), took[claimants-1].Round(time.Millisecond))
	}
}

// toldEvent is an event with who caused it.
type toldEvent struct {
	Seq   *int64    `json:"seq"`
	Type  string    `json:"type"`
	At    time.Time `json:"at"`
	Actor struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	} `json:"actor"`
	Data struct {
		Reason   string `json:"reason"`
		Assignee *named `json:"assignee"`
		From     *named `json:"from"`
	} `json:"data"`
}

// told are the events of a conversation that has ended. Their numbers have no gap, and the end is the last.
func (s *stack) told(conversation string) []toldEvent {
	s.Helper()
	var events []toldEvent
	until(s.T, readyWithin, "the end is told", func() bool {
		events = pages[toldEvent](s.T, s.url+"/v1/conversations/"+conversation+"/events", s.anaKey)
		events = slices.DeleteFunc(events, func(e toldEvent) bool { return e.Seq == nil }) // what became of its messages afterwards
		return len(events) > 0 && events[len(events)-1].Type == "conversation.ended"
	})
	for i, e := range events {
		require.EqualValues(s, i+1, *e.Seq)
	}
	return events
}

// TestCommandsOfEveryKindAtOnce has agents claim, release, transfer, take over, answer and resolve the same conversation, all at once and
// with no regard for each other. Each is done or refused with a reason, and the events tell one story.
func TestCommandsOfEveryKindAtOnce(t *testing.T) {
	t.Parallel()
	theMachine.Lock()
	defer theMachine.Unlock()
	s := newStack(t)
	people := s.people(10)
	team := into[named](t, call(t, http.MethodPost, s.url+"/v1/teams", s.adminKey, map[string]any{"name": "Billing"}), http.StatusCreated)
	for round := range 2 {
		into[receipt](t, s.post(text(crashPhone(round), fmt.Sprintf("wamid.mixed.%d", round), "Hello")), http.StatusOK)
		conv := s.open()
		var mu sync.Mutex
		statuses := map[string]int{}
		var group sync.WaitGroup
		for i, p := range people {
			dice := rand.New(rand.NewPCG(uint64(round), uint64(i)))
			group.Go(func() {
				for n := range 12 {
					key, verb, body := p.randomCommand(dice, people, team.ID)
					if i == 0 && n == 9 {
						verb, body = "resolve", "" // in the middle of it all
					}
					if verb == "takeover" || verb == "resolve" {
						key = s.adminKey
					}
					a, _ := followed(t.Context(), http.MethodPost, s.url+"/v1/conversations/"+conv.ID+"/"+verb, key, body)
					mu.Lock()
					statuses[fmt.Sprintf("%s %d", verb, a.status)]++
					mu.Unlock()
				}
			})
		}
		group.Wait()
		require.Equal(t, 1, statuses["resolve 200"])
		for outcome := range statuses {
			require.Regexp(t, ` (200|201|409)$`, outcome, "%v", statuses)
		}
		s.requireOneStory(conv.ID, statuses)
		t.Log(statuses)
	}
}

func (p person) randomCommand(dice *rand.Rand, people []person, team string) (key, verb, body string) {
	other := people[dice.IntN(len(people))].named
	switch dice.IntN(8) {
	case 0, 1, 2:
		return p.key, "claim", ""
	case 3:
		return p.key, "release", ""
	case 4:
		return p.key, "transfer", fmt.Sprintf(`{"to_agent_id":%q}`, other)
	case 5:
		return p.key, "transfer", fmt.Sprintf(`{"to_team_id":%q}`, team)
	case 6:
		return p.key, "takeover", fmt.Sprintf(`{"agent_id":%q}`, other)
	default:
		return p.key, "messages", `{"type":"text","text":"Hi"}`
	}
}

// requireOneStory follows who has the conversation: nobody takes from another what they may not, and what was answered with a success, and
// nothing else, is in the events.
func (s *stack) requireOneStory(conversation string, statuses map[string]int) {
	s.Helper()
	holder, counts := "", map[string]int{}
	events := s.told(conversation)
	for _, e := range events {
		counts[e.Type]++
		switch e.Type {
		case "conversation.claimed":
			require.Empty(s, holder, "a claim takes nothing from anybody")
			require.Equal(s, e.Actor.ID, e.Data.Assignee.ID)
			holder = e.Actor.ID
		case "conversation.released":
			require.Equal(s, holder, e.Actor.ID)
			holder = ""
		case "conversation.transferred":
			if e.Data.Reason != "taken_over" {
				require.Contains(s, []string{"", e.Actor.ID}, holder)
			}
			require.Equal(s, holder != "", e.Data.From != nil)
			holder = ""
			if e.Data.Assignee != nil {
				holder = e.Data.Assignee.ID
			}
		case "message.queued":
			require.Equal(s, holder, e.Actor.ID, "only who has it answers")
		}
	}
	require.Equal(s, statuses["release 200"], counts["conversation.released"])
	// To take over what one has already changes nothing, and is no event.
	require.GreaterOrEqual(s, counts["conversation.transferred"], statuses["transfer 200"])
	require.LessOrEqual(s, counts["conversation.transferred"], statuses["transfer 200"]+statuses["takeover 200"])
	require.Equal(s, statuses["messages 201"], counts["message.queued"])
}
