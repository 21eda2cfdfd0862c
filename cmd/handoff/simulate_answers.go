package main

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"handoff"
	"handoff/internal/fakegraph"
)

// answers follows what comes back to the customer: agents' messages by the API, which works against any stack, and what left by a
// passthrough inbox, which has no conversations, by the fake Graph API.
type answers struct {
	stack *simStack
	inbox simInbox
	from  string
	seen  map[string]bool
}

func newAnswers(s *simStack, inbox simInbox, c *simulateCmd) *answers {
	return &answers{stack: s, inbox: inbox, from: c.From, seen: map[string]bool{}}
}

// next gives what was answered since it was last called, a line each. It gives nothing where there is no way to follow.
func (a *answers) next(ctx context.Context) ([]string, error) {
	if a.inbox.Protocol == handoff.ProtocolPassthrough {
		return a.sent(ctx)
	}
	conversations, err := a.conversations(ctx)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, c := range conversations {
		more, err := a.replies(ctx, c.ID)
		if err != nil {
			return lines, err
		}
		lines = append(lines, more...)
		if c.Status == handoff.StatusEnded && a.isNew(c.ID.String()) {
			lines = append(lines, "(the conversation is over: "+c.EndReason+")")
		}
	}
	return lines, nil
}

// isNew is true for the first time that it sees an id.
func (a *answers) isNew(id string) bool {
	known := a.seen[id]
	a.seen[id] = true
	return !known
}

type simConversation struct {
	ID        handoff.ID     `json:"id"`
	Status    handoff.Status `json:"status"`
	EndReason string         `json:"end_reason"`
	Contact   struct {
		Identities []handoff.Identity `json:"identities"`
	} `json:"contact"`
}

// conversations are the customer's latest ones, the oldest of them first.
func (a *answers) conversations(ctx context.Context) ([]simConversation, error) {
	if a.stack.info.Keys.Agent == "" {
		return nil, nil
	}
	query := url.Values{"inbox_id": {a.inbox.ID.String()}, "q": {a.from}, "limit": {"5"}}
	var page struct {
		Items []simConversation `json:"items"`
	}
	err := a.stack.call(ctx, http.MethodGet, "/v1/conversations?"+query.Encode(), a.stack.info.Keys.Agent, nil, &page)
	theirs := slices.DeleteFunc(page.Items, func(c simConversation) bool {
		return !slices.ContainsFunc(c.Contact.Identities, func(i handoff.Identity) bool { return i.Kind == handoff.IdentityPhone && i.Value == a.from })
	})
	slices.Reverse(theirs)
	return theirs, err
}

// open tells whether the customer has a conversation that is not over.
func (a *answers) open(ctx context.Context) (bool, error) {
	conversations, err := a.conversations(ctx)
	return slices.ContainsFunc(conversations, func(c simConversation) bool { return c.Status != handoff.StatusEnded }), err
}

// replies are the agents' messages of a conversation that were not seen yet.
func (a *answers) replies(ctx context.Context, conversation handoff.ID) ([]string, error) {
	var page struct {
		Items []struct {
			ID        handoff.ID        `json:"id"`
			Direction handoff.Direction `json:"direction"`
			Author    struct {
				Type handoff.AuthorType `json:"type"`
				Name string             `json:"name"`
			} `json:"author"`
			Type string `json:"type"`
			Text string `json:"text"`
		} `json:"items"`
	}
	path := "/v1/conversations/" + conversation.String() + "/messages?order=desc&limit=50"
	if err := a.stack.call(ctx, http.MethodGet, path, a.stack.info.Keys.Agent, nil, &page); err != nil {
		return nil, err
	}
	var lines []string
	for _, m := range slices.Backward(page.Items) {
		if m.Direction != handoff.Outbound || m.Author.Type == handoff.AuthorBot || !a.isNew(m.ID.String()) {
			continue
		}
		lines = append(lines, cmp.Or(m.Author.Name, string(m.Author.Type))+": "+described(m.Type, m.Text))
	}
	return lines, nil
}

// described is a message as one line.
func described(kind, text string) string {
	if kind == "text" {
		return text
	}
	return strings.TrimSpace("[" + kind + "] " + text)
}

// sent is what the fake Graph API took from the inbox's number to the customer.
func (a *answers) sent(ctx context.Context) ([]string, error) {
	if a.stack.fakes.GraphURL == "" {
		return nil, nil
	}
	fake := &simStack{info: devInfo{APIURL: a.stack.fakes.GraphURL}, http: a.stack.http}
	var page struct {
		Sent []fakegraph.Message `json:"sent"`
	}
	if err := fake.do(ctx, http.MethodGet, "/", http.Header{}, nil, &page); err != nil {
		return nil, err
	}
	var lines []string
	for _, m := range slices.Backward(page.Sent) {
		if m.PhoneNumberID != a.inbox.PhoneNumberID || m.To != a.from || !a.isNew(m.ID) {
			continue
		}
		var body struct {
			Text struct {
				Body string `json:"body"`
			} `json:"text"`
		}
		_ = json.Unmarshal(m.Body, &body) // of another type it has no text
		lines = append(lines, a.inbox.Name+": "+described(m.Type, body.Text.Body))
	}
	return lines, nil
}
