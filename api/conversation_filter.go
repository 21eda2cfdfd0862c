package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/searchindex"
)

// ConversationFilters are the filters of a list of conversations, as parameters of a query or as the object that a view keeps.
type ConversationFilters struct {
	Status       []string   `query:"status" json:"status,omitempty" doc:"Only these statuses: bot, waiting, assigned, snoozed, ended. In a query a comma list, or the parameter several times." example:"waiting,assigned"`
	InboxID      handoff.ID `query:"inbox_id" json:"inbox_id,omitzero" format:"uuid"`
	AssigneeID   string     `query:"assignee_id" json:"assignee_id,omitempty" maxLength:"36" doc:"An agent's id, me for the agent of the key, or none for what nobody has."`
	TeamID       string     `query:"team_id" json:"team_id,omitempty" maxLength:"36" doc:"A team's id, or none for what belongs to no team."`
	Tag          []string   `query:"tag,explode" json:"tag,omitempty" maxItems:"10" doc:"A tag. Given several times, conversations need all of them."`
	Attribute    []string   `query:"attribute,explode" json:"attribute,omitempty" maxItems:"10" doc:"An attribute and its value, as key:value. Given several times, conversations need all of them." example:"plan:gold"`
	Priority     []string   `query:"priority" json:"priority,omitempty" doc:"Only these priorities: low, normal, high, urgent. In a query a comma list, or the parameter several times." example:"high,urgent"`
	Unread       bool       `query:"unread" json:"unread,omitempty" doc:"Only those with messages that nobody has read."`
	ContactID    handoff.ID `query:"contact_id" json:"contact_id,omitzero" format:"uuid"`
	OpenedAfter  time.Time  `query:"opened_after" json:"opened_after,omitzero" doc:"At this time or later."`
	OpenedBefore time.Time  `query:"opened_before" json:"opened_before,omitzero"`
	ActiveAfter  time.Time  `query:"active_after" json:"active_after,omitzero" doc:"Last active at this time or later."`
	ActiveBefore time.Time  `query:"active_before" json:"active_before,omitzero"`
	EndedAfter   time.Time  `query:"ended_after" json:"ended_after,omitzero" doc:"At this time or later."`
	EndedBefore  time.Time  `query:"ended_before" json:"ended_before,omitzero"`
	Q            string     `query:"q" json:"q,omitempty" maxLength:"200" doc:"What the contact (name, numbers and other identities), a message or a note of the conversation says: see the search. An identity in full is found at once, everything else about a second after it was written."`
}

// Resolve reads the lists, of which Huma itself takes a comma list or a repeated parameter, not both.
func (f *ConversationFilters) Resolve(ctx huma.Context) []error {
	address := ctx.URL()
	given := address.Query()
	split := func(name string) (values []string) {
		for _, value := range given[name] {
			values = slices.AppendSeq(values, strings.SplitSeq(value, ","))
		}
		return values
	}
	if _, ok := given["status"]; ok {
		f.Status = split("status")
	}
	if _, ok := given["priority"]; ok {
		f.Priority = split("priority")
	}
	return nil
}

// params checks the filters for who asks, and gives them to the query.
func (f *ConversationFilters) params(k *caller, sort string) (dbsqlc.ConversationListParams, error) {
	p := dbsqlc.ConversationListParams{
		AccountID: k.AccountID, Statuses: []string{}, InboxID: given(f.InboxID), ContactID: given(f.ContactID), Unread: f.Unread,
		OpenedAfter: moment(f.OpenedAfter), OpenedBefore: moment(f.OpenedBefore), ActiveAfter: moment(f.ActiveAfter),
		ActiveBefore: moment(f.ActiveBefore), EndedAfter: moment(f.EndedAfter), EndedBefore: moment(f.EndedBefore),
	}
	if len(f.Tag) > 0 {
		p.Tags = f.Tag
	}
	if k.InboxID != nil {
		if p.InboxID != nil && *p.InboxID != *k.InboxID {
			return p, handoff.Errorf(handoff.CodeForbidden, "this key is bound to another inbox: leave inbox_id out")
		}
		p.InboxID = k.InboxID
	}
	for _, status := range f.Status {
		if !slices.Contains(handoff.Statuses, handoff.Status(status)) {
			return p, refused("status", "unknown status: use bot, waiting, assigned, snoozed or ended")
		}
		if sort == sortQueue && status != string(handoff.StatusWaiting) {
			return p, refused("status", "the order queue is that of the line, in which only waiting conversations are: leave status out, or choose another order")
		}
		p.Statuses = append(p.Statuses, status)
	}
	if sort == sortQueue {
		p.Statuses = []string{string(handoff.StatusWaiting)}
	}
	for _, name := range f.Priority {
		priority, err := handoff.ParsePriority(name)
		if err != nil {
			return p, refused("priority", "unknown priority: use low, normal, high or urgent")
		}
		p.Priorities = append(p.Priorities, int16(priority))
	}
	if err := f.people(k, &p); err != nil {
		return p, err
	}
	return p, f.attributes(&p)
}

// nobody is what is asked for in place of an id.
const nobody = "none"

func (f *ConversationFilters) people(k *caller, p *dbsqlc.ConversationListParams) error {
	var err error
	switch f.AssigneeID {
	case nobody:
		p.Unassigned = true
	case "me":
		if k.Agent == nil {
			return refused("assignee_id", "assignee_id=me needs an agent's key: this one acts for no agent")
		}
		p.AssigneeID = &k.Agent.ID
	default:
		if p.AssigneeID, err = optionalID(f.AssigneeID); err != nil {
			return refused("assignee_id", "neither the id of an agent nor me nor none")
		}
	}
	if f.TeamID == nobody {
		p.Teamless = true
		return nil
	}
	if p.TeamID, err = optionalID(f.TeamID); err != nil {
		return refused("team_id", "neither the id of a team nor none")
	}
	return nil
}

func (f *ConversationFilters) attributes(p *dbsqlc.ConversationListParams) error {
	if len(f.Attribute) == 0 {
		return nil
	}
	wanted := map[string]string{}
	for _, text := range f.Attribute {
		key, value, ok := strings.Cut(text, ":")
		if !ok || key == "" || strings.ContainsRune(text, 0) {
			return refused("attribute", "not key:value")
		}
		if other, repeated := wanted[key]; repeated && other != value {
			return refused("attribute", "an attribute has one value: no conversation has two")
		}
		wanted[key] = value
	}
	var err error
	p.Attributes, err = json.Marshal(wanted)
	return err
}

// manyFound is how many documents make a query a common one: more are not listed. Then each conversation of the list is looked at, of
// which few are passed over before the page is full.
const manyFound = 5000

// search finds the conversations that q is about.
func (f *ConversationFilters) search(ctx context.Context, q *dbsqlc.Queries, p *dbsqlc.ConversationListParams) error {
	text := strings.TrimSpace(f.Q)
	if text == "" {
		return nil
	}
	query, err := searchindex.ParseQuery(text)
	if err != nil {
		return err
	}
	if err := q.SearchByIndex(ctx); err != nil {
		return err
	}
	known, err := q.SearchIdentity(ctx, dbsqlc.SearchIdentityParams{AccountID: p.AccountID, Identities: searchindex.Identities(text)})
	if err != nil {
		return err
	}
	found, err := q.SearchAny(ctx, dbsqlc.SearchAnyParams{
		AccountID: p.AccountID, Grams: query.Grams(p.AccountID), Patterns: query.Patterns(), InboxID: p.InboxID, RowLimit: manyFound + 1,
	})
	if err != nil {
		return err
	}
	if len(found) > manyFound {
		p.Patterns = query.Patterns()
		return nil
	}
	p.FoundConversations, p.FoundContacts = []handoff.ID{}, known
	for _, row := range found {
		if row.Kind == searchindex.KindContact {
			p.FoundContacts = append(p.FoundContacts, row.ContactID)
			continue
		}
		p.FoundConversations = append(p.FoundConversations, row.ConversationID)
	}
	return nil
}

// refused is the error of one filter.
func refused(name, message string) error {
	return &handoff.Error{
		Code: handoff.CodeInvalid, Message: name + ": " + message,
		Details: []handoff.ErrorDetail{{Location: "query." + name, Message: message}},
	}
}

// given is nil for a parameter that was left out.
func given(id handoff.ID) *handoff.ID {
	if id == (handoff.ID{}) {
		return nil
	}
	return &id
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func optionalID(text string) (*handoff.ID, error) {
	if text == "" {
		return nil, nil
	}
	var id handoff.ID
	err := id.UnmarshalText([]byte(text))
	return &id, err
}
