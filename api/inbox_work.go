package api

import (
	"encoding/json"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/routing"
)

// InboxWork is how people work on an inbox's conversations.
type InboxWork struct {
	TeamID               *handoff.ID   `json:"team_id,omitempty" format:"uuid"`
	Routing              []RoutingRule `json:"routing"`
	Replies              string        `json:"replies" enum:"assignee,anyone"`
	UndoSeconds          int32         `json:"undo_seconds"`
	ReopenMinutes        int32         `json:"reopen_minutes"`
	ReopenTo             string        `json:"reopen_to" enum:"queue,assignee"`
	Holidays             []string      `json:"holidays"`
	FirstResponseSeconds *int32        `json:"first_response_seconds,omitempty"`
	NextResponseSeconds  *int32        `json:"next_response_seconds,omitempty"`
	WarningSeconds       *int32        `json:"warning_seconds,omitempty"`
	ResponseHours        bool          `json:"response_hours"`
	WindowWarningMinutes *int32        `json:"window_warning_minutes,omitempty"`
	TypingIndicators     bool          `json:"typing_indicators"`
	ReadReceipts         bool          `json:"read_receipts"`
	Dispositions         []string      `json:"dispositions"`
	DispositionRequired  bool          `json:"disposition_required"`
	CSATText             string        `json:"csat_text,omitempty"`
	RetentionDays        *int32        `json:"retention_days,omitempty"`
}

// WorkSettings is what a new inbox may be given of it and an old one may change. All of it is of every protocol but passthrough,
// which has no conversations.
type WorkSettings struct {
	TeamID        *string        `json:"team_id,omitempty" maxLength:"36" doc:"The team in whose line conversations wait that no rule sends elsewhere. Empty removes it: they wait in the line of what has no team."`
	Routing       *[]RoutingRule `json:"routing,omitempty" maxItems:"100" doc:"Rules that choose team, skills, priority and tags of a conversation that needs a person, in order: the first that fits. An empty list removes them."`
	Replies       *string        `json:"replies,omitempty" enum:"assignee,anyone" doc:"Who may answer in an assigned conversation: its assignee, unless given, or any agent."`
	UndoSeconds   *int           `json:"undo_seconds,omitempty" minimum:"0" maximum:"60" doc:"How long a resolve can be undone before the conversation ends. 0, unless given: it ends at once."`
	ReopenMinutes *int           `json:"reopen_minutes,omitempty" minimum:"0" maximum:"43200" doc:"A contact who writes so soon after the end goes on where they were: the new conversation takes over team, tags and attributes. 0, unless given, is never."`
	ReopenTo      *string        `json:"reopen_to,omitempty" enum:"queue,assignee" doc:"Where it then goes: to the line, unless given, or to whoever had it."`
	Holidays      *[]string      `json:"holidays,omitempty" maxItems:"500" doc:"Days on which the inbox is closed from midnight to midnight, in its time zone. An empty list removes them." example:"[\"2026-12-25\"]"`

	FirstResponseSeconds *int  `json:"first_response_seconds,omitempty" minimum:"0" maximum:"2592000" doc:"How soon a person has to answer a conversation that was queued. 0, unless given, is no limit."`
	NextResponseSeconds  *int  `json:"next_response_seconds,omitempty" minimum:"0" maximum:"2592000" doc:"How soon a person has to answer what the contact writes after that. 0, unless given, is no limit."`
	WarningSeconds       *int  `json:"warning_seconds,omitempty" minimum:"0" maximum:"2592000" doc:"How long before a response is late conversation.response_due tells so. 0, unless given, is no warning."`
	ResponseHours        *bool `json:"response_hours,omitempty" doc:"Whether responses are timed within hours alone, and not on holidays. false unless given."`
	WindowWarningMinutes *int  `json:"window_warning_minutes,omitempty" minimum:"0" maximum:"1440" doc:"How long before the 24-hour window closes conversation.window_closing tells so. 0, unless given, is no warning."`

	TypingIndicators *bool `json:"typing_indicators,omitempty" doc:"Whether the contact sees that an agent types. false unless given. Of hitlchat and kapso."`
	ReadReceipts     *bool `json:"read_receipts,omitempty" doc:"Whether the contact sees that an agent has read. false unless given. Of hitlchat and kapso."`

	Dispositions        *[]string `json:"dispositions,omitempty" maxItems:"100" doc:"What resolve takes as disposition; an empty list is anything." example:"[\"solved\",\"spam\"]"`
	DispositionRequired *bool     `json:"disposition_required,omitempty" doc:"Whether resolve needs one. false unless given."`
	CSATText            *string   `json:"csat_text,omitempty" maxLength:"1000" doc:"The question that a contact is sent after a resolve; {{link}} in it becomes the address at which they answer. Empty, unless given: none is sent." example:"How did we do? {{link}}"`

	RetentionDays *int `json:"retention_days,omitempty" minimum:"0" maximum:"36500" doc:"How many days after its end a conversation is deleted, with everything of it. 0, unless given: they are kept for ever."`
}

// RoutingRule says what becomes of the offloads that it fits.
type RoutingRule struct {
	Name string      `json:"name,omitempty" maxLength:"200" doc:"Shown in conversation.queued." example:"German billing"`
	If   RoutingIf   `json:"if"`
	Then RoutingThen `json:"then"`
}

// RoutingIf is what an offload has to be like, in all that is given.
type RoutingIf struct {
	Reason  []string              `json:"reason,omitempty" maxItems:"100" doc:"The offload's reason contains one of these, in whatever case." example:"[\"invoice\",\"refund\"]"`
	Text    []string              `json:"text,omitempty" maxItems:"100" doc:"What the contact wrote last contains one of these, in whatever case."`
	Source  handoff.OffloadSource `json:"source,omitempty" enum:"gateway,meta" doc:"Who asked for a person: the gateway, or Meta's own agent."`
	Tags    []string              `json:"tags,omitempty" maxItems:"100" doc:"tags of the offload's payload, a text or a list, has one of these."`
	Payload map[string]any        `json:"payload,omitempty" doc:"Conditions on the offload's payload by path: names of fields with dots between them. A text, number or boolean: the value is this; a list: one of these; {\"contains\": \"x\"}: the text has this in it; {\"exists\": true}: there is a value. Where the payload has a list, one of its values has to fit. Case does not count. Write long numbers as texts, which are the same."`
}

// RoutingThen is what a rule chooses, at least one thing.
type RoutingThen struct {
	TeamID   *handoff.ID `json:"team_id,omitempty" format:"uuid" doc:"The inbox's team, unless given."`
	Skills   []string    `json:"skills,omitempty" maxItems:"20" doc:"What an agent needs who is to get it automatically, all of them."`
	Priority string      `json:"priority,omitempty" enum:"low,normal,high,urgent" doc:"normal unless given."`
	Tags     []string    `json:"tags,omitempty" maxItems:"20" doc:"Tags that the conversation gets."`
}

func (b WorkSettings) work() (admin.WorkFields, error) {
	fields := admin.WorkFields{
		TeamID: b.TeamID, Replies: b.Replies, UndoSeconds: b.UndoSeconds, ReopenMinutes: b.ReopenMinutes, ReopenTo: b.ReopenTo,
		Holidays: b.Holidays, FirstResponseSeconds: b.FirstResponseSeconds, NextResponseSeconds: b.NextResponseSeconds,
		WarningSeconds: b.WarningSeconds, ResponseHours: b.ResponseHours, WindowWarningMinutes: b.WindowWarningMinutes,
		TypingIndicators: b.TypingIndicators, ReadReceipts: b.ReadReceipts, Dispositions: b.Dispositions,
		DispositionRequired: b.DispositionRequired, CSATText: b.CSATText, RetentionDays: b.RetentionDays,
	}
	if b.Routing == nil {
		return fields, nil
	}
	text, err := json.Marshal(*b.Routing)
	if err != nil {
		return fields, err
	}
	rules, err := routing.ParseRules(text)
	if err != nil {
		return fields, &handoff.Error{
			Code: handoff.CodeInvalid, Message: "routing: " + err.Error(),
			Details: []handoff.ErrorDetail{{Location: "body.routing", Message: err.Error()}},
		}
	}
	fields.Routing = &rules
	return fields, nil
}

func inboxWork(row dbsqlc.Inbox) InboxWork {
	work := InboxWork{
		TeamID: row.TeamID, Replies: row.Replies, UndoSeconds: row.UndoSeconds, ReopenMinutes: row.ReopenMinutes, ReopenTo: row.ReopenTo,
		Holidays: listOf(row.Holidays), FirstResponseSeconds: row.FirstResponseSeconds, NextResponseSeconds: row.NextResponseSeconds,
		WarningSeconds: row.WarningSeconds, ResponseHours: row.ResponseHours, WindowWarningMinutes: row.WindowWarningMinutes,
		TypingIndicators: row.TypingIndicators, ReadReceipts: row.ReadReceipts, Dispositions: listOf(row.Dispositions),
		DispositionRequired: row.DispositionRequired, RetentionDays: row.RetentionDays,
	}
	if row.CSATText != nil {
		work.CSATText = *row.CSATText
	}
	// They were checked when they were saved.
	_ = json.Unmarshal(row.Routing, &work.Routing)
	work.Routing = listOf(work.Routing)
	return work
}
