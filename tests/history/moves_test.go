package history_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
)

func phone(n int) string { return fmt.Sprintf("44770090%05d", n) }

func (p *player) moves() map[string]func(*rapid.T) {
	moves := map[string]func(){
		"inbound": p.inbound, "offload": p.offload, "gateway ends": p.gatewayEnds, "come back": p.comeBack, "bot and back": p.botAndBack, "phone": p.phoned, "apply": p.apply, "claim": p.claim, "release": p.release,
		"transfer": p.transfer, "take over": p.takeOver, "offer": p.offer, "answer offer": p.answerOffer, "offer and wait": p.offerAndWait, "pass": p.pass, "reply": p.reply,
		"schedule": p.schedule, "unschedule": p.unschedule, "snooze": p.snooze, "wake": p.wakeUp, "move timer": p.moveTimer, "resolve": p.resolve,
		"undo": p.undo, "start": p.start, "time": p.time, "timer": p.timer, "describe": p.describe, "read": p.read, "note": p.note, "presence": p.presence, "": p.check,
	}
	out := map[string]func(*rapid.T){}
	for name, move := range moves {
		out[name] = func(*rapid.T) { move() }
	}
	return out
}

// configure draws how people work on the inbox.
func (p *player) configure() {
	p.s.Exec(p.s.T, "UPDATE agents SET presence = 'offline', presence_until = NULL WHERE account_id = $1", p.s.Account.ID)
	teams := []*handoff.ID{nil, &p.s.teams[0], &p.s.teams[1]}
	rules := []any{map[string]any{"name": "urgent", "if": map[string]any{"reason": []string{"help"}}, "then": map[string]any{
		"team_id": p.s.teams[1], "skills": []string{"german"}, "priority": "urgent", "tags": []string{"urgent"},
	}}}
	if rapid.Bool().Draw(p.T, "no rules") {
		rules = []any{}
	}
	routing, err := json.Marshal(rules)
	require.NoError(p, err)
	p.s.Exec(p.s.T, `UPDATE inboxes SET team_id = $2, routing = $3, replies = $4, reopen_minutes = $5, reopen_to = $6, first_response_seconds = $7,
		next_response_seconds = $7, window_warning_minutes = $8, csat_text = $9 WHERE id = $1`, p.s.Inbox.ID,
		rapid.SampledFrom(teams).Draw(p.T, "team"), string(routing), rapid.SampledFrom([]string{"assignee", "anyone"}).Draw(p.T, "replies"),
		rapid.SampledFrom([]int{0, 60 * 24 * 30}).Draw(p.T, "reopen"), rapid.SampledFrom([]string{"queue", "assignee"}).Draw(p.T, "reopen to"),
		rapid.SampledFrom([]*int{nil, ptr(600)}).Draw(p.T, "response"), rapid.SampledFrom([]*int{nil, ptr(60)}).Draw(p.T, "warning"),
		rapid.SampledFrom([]*string{nil, ptr("How was it? {{link}}")}).Draw(p.T, "survey"))
	p.s.Exec(p.s.T, "UPDATE teams SET assignment = $2, offer_seconds = $3, silent_seconds = $4, when_away = $5 WHERE account_id = $1", p.s.Account.ID,
		rapid.SampledFrom([]string{"manual", "round_robin", "least_loaded"}).Draw(p.T, "assignment"),
		rapid.SampledFrom([]*int{nil, ptr(30)}).Draw(p.T, "offers"), rapid.SampledFrom([]*int{nil, ptr(120)}).Draw(p.T, "silence"),
		rapid.SampledFrom([]string{"keep", "requeue"}).Draw(p.T, "away"))
}

func ptr[T any](v T) *T { return &v }

func (p *player) taken(accepted db.Accepted) {
	for _, wake := range accepted.Wakes {
		p.ref = activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
	}
}

func (p *player) inbound() {
	body := p.s.Body(p.phone, "Hello")
	if rapid.Bool().Draw(p.T, "history") {
		var object map[string]any
		require.NoError(p, json.Unmarshal(body, &object))
		object["prior_history"] = []any{map[string]any{"direction": "outbound", "text": "What can I do for you?"}}
		var err error
		body, err = json.Marshal(object)
		require.NoError(p, err)
	}
	p.taken(p.s.Accept(p.s.T, body, p.s.now))
}

// item is accepted as if the gateway had posted it.
func (p *player) item(item handoff.Item) {
	p.n++
	item.Location, item.ExternalID = "body", p.phone+"-"+strconv.Itoa(p.n)
	item.Contact = &handoff.ItemContact{Identities: []handoff.Identity{{Kind: handoff.IdentityPhone, Value: p.phone}}}
	p.taken(p.s.AcceptItems(p.s.T, []byte(`{}`), []handoff.Item{item}, p.s.now))
}

func (p *player) offload() {
	reason := rapid.SampledFrom([]string{"", "help", "help"}).Draw(p.T, "reason")
	// A payload is the gateway's own: its keys mean nothing to us.
	p.item(handoff.Item{Kind: handoff.ItemOffload, Offload: &handoff.ItemOffloadBody{
		Reason: reason, Source: "gateway", Payload: json.RawMessage(`{"team_id":7,"tags":"no list"}`),
	}})
	p.apply()
}

func (p *player) gatewayEnds() {
	p.item(handoff.Item{Kind: handoff.ItemEnd, Reason: "the matter is settled"})
	p.apply()
}

// comeBack ends a conversation, and lets the next one begin: where the inbox says so it goes on from what was made of the first.
func (p *player) comeBack() {
	p.offload()
	p.gatewayEnds()
	if rapid.Bool().Draw(p.T, "by an agent") {
		p.start()
		return
	}
	p.inbound()
	p.apply()
}

// botAndBack gives the conversation to the bot, who asks for a person again, or the contact does by writing.
func (p *player) botAndBack() {
	p.command(handoff.Actor{Admin: true}, func(ctx context.Context, c activities.Command) (activities.Result, error) {
		return p.s.Pass(ctx, activities.PassCommand{Command: c})
	})
	if rapid.Bool().Draw(p.T, "asked for") {
		p.offload()
		return
	}
	p.inbound()
	p.apply()
}

// phoned is an agent's answer that did not go through us.
func (p *player) phoned() {
	p.item(handoff.Item{Kind: handoff.ItemMessage, Message: &handoff.ItemMessageBody{
		Direction: handoff.Outbound, Author: handoff.AuthorAgent, Type: "text", Text: "Hi", Content: json.RawMessage(`{"text":{"body":"Hi"}}`),
	}})
	p.apply()
}

// apply takes what was accepted, and looks for somebody to take the conversation.
func (p *player) apply() {
	for range 2 {
		_, err := p.s.ApplyInbound(context.Background(), activities.ApplyInboundInput{Ref: p.ref, Now: p.s.now})
		require.NoError(p, err)
	}
}

func (p *player) latest() dbsqlc.Conversation { return p.s.conversations(p, p.ref.ContactID)[0] }

// actor is Ana, Ben, a program of an admin's, or an admin's that acts for Ana.
func (p *player) actor() handoff.Actor {
	return rapid.SampledFrom([]handoff.Actor{p.s.Ana, p.s.Ben, {Admin: true}, {Admin: true, Agent: p.s.Ana.Agent}, {Bot: true, Admin: true}}).Draw(p.T, "actor")
}

func (p *player) agent() handoff.Actor {
	return rapid.SampledFrom([]handoff.Actor{p.s.Ana, p.s.Ben}).Draw(p.T, "agent")
}

func (p *player) why() activities.Why {
	return activities.Why{Reason: rapid.SampledFrom([]string{"", "lunch", "accepted"}).Draw(p.T, "why")}
}

// command runs one for the conversation as it is. It may be refused: then nothing may have changed either.
func (p *player) command(actor handoff.Actor, run func(context.Context, activities.Command) (activities.Result, error)) {
	p.n++
	conv := p.latest()
	result, err := run(context.Background(), activities.Command{
		Ref: p.ref, ID: p.phone + ":" + strconv.Itoa(p.n), ConversationID: conv.ID, Version: conv.Version, Actor: actor, Now: p.s.now,
	})
	require.NoError(p, err)
	require.False(p, result.Stale)
}

// draft writes the row of a message, as the API does before its command.
func (p *player) draft(actor handoff.Actor) handoff.ID {
	text := "Hi"
	row, err := dbsqlc.New(p.s.World.DB).MessageInsertOutbound(context.Background(), dbsqlc.MessageInsertOutboundParams{
		ID: handoff.NewID(), AccountID: p.s.Account.ID, InboxID: p.ref.InboxID, ContactID: p.ref.ContactID, AuthorType: handoff.AuthorAgent,
		AuthorID: actor.AgentID(), AuthorName: &actor.Agent.Name, Type: "text", Text: &text, Content: json.RawMessage(`{"body":"Hi"}`), CreatedAt: p.s.now,
	})
	require.NoError(p, err)
	return row.ID
}

func (p *player) later(most int) *time.Time {
	seconds := rapid.IntRange(0, most).Draw(p.T, "seconds")
	if seconds == 0 {
		return nil
	}
	return ptr(p.s.now.Add(time.Duration(seconds) * time.Second))
}
