package routing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"handoff"
)

// Rules choose a conversation's team, in order: the first that fits.
type Rules []Rule

// Rule says what becomes of the offloads that it fits.
type Rule struct {
	Name string `json:"name,omitempty"`
	If   If     `json:"if"`
	Then Then   `json:"then"`
}

// If is what an offload has to be like, in all that is given; nothing fits every offload. Upper and lower case are the same.
type If struct {
	// Reason and Text fit where the offload's reason, or what the contact wrote last, contains one of these.
	Reason []string `json:"reason,omitempty"`
	Text   []string `json:"text,omitempty"`
	// Source is who asked.
	Source handoff.OffloadSource `json:"source,omitempty"`
	// Tags fits where the payload's "tags", a text or a list, has one of these.
	Tags []string `json:"tags,omitempty"`
	// Payload has conditions by path: names of fields, with dots between them.
	Payload map[string]Condition `json:"payload,omitempty"`
}

// Then is what a rule chooses. What is left out is the inbox's default.
type Then struct {
	TeamID   *handoff.ID `json:"team_id,omitempty"`
	Skills   []string    `json:"skills,omitempty"`
	Priority string      `json:"priority,omitempty"` // low, normal, high, urgent
	Tags     []string    `json:"tags,omitempty"`
}

// Facts are what is known of an offload.
type Facts struct {
	Reason string
	// Payload is the offload's JSON object; empty for none.
	Payload json.RawMessage
	Source  handoff.OffloadSource
	// Text is what the contact wrote last.
	Text string
}

// Choice is what the rule that fits has chosen. What it leaves open is the inbox's default.
type Choice struct {
	Rule     string // its name; may be empty
	TeamID   *handoff.ID
	Skills   []string
	Priority *handoff.Priority
	Tags     []string
}

// ParseRules reads and checks rules; there are none in an empty text or null. Its errors say what to do.
func ParseRules(text json.RawMessage) (Rules, error) {
	if len(text) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var rules Rules
	if err := d.Decode(&rules); err != nil {
		return nil, fmt.Errorf("rules cannot be read (%s): give a list of {\"name\", \"if\", \"then\"}", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the list of rules: remove it")
	}
	return rules, rules.Check()
}

// Teams are the teams that the rules name, each once.
func (r Rules) Teams() []handoff.ID {
	var teams []handoff.ID
	for _, rule := range r {
		if id := rule.Then.TeamID; id != nil && !slices.Contains(teams, *id) {
			teams = append(teams, *id)
		}
	}
	return teams
}

// Choose gives what the first rule that fits has chosen; false where none fits.
func (r Rules) Choose(facts Facts) (Choice, bool) {
	var payload any
	if len(facts.Payload) > 0 {
		// What is no JSON has no values, and fits no condition on them.
		payload, _ = decode(facts.Payload)
	}
	i := slices.IndexFunc(r, func(rule Rule) bool { return rule.If.fits(facts, payload) })
	if i < 0 {
		return Choice{}, false
	}
	then := r[i].Then
	choice := Choice{Rule: r[i].Name, TeamID: then.TeamID, Skills: then.Skills, Tags: then.Tags}
	if priority, err := handoff.ParsePriority(then.Priority); err == nil {
		choice.Priority = &priority
	}
	return choice, true
}

func (c If) fits(facts Facts, payload any) bool {
	switch {
	case c.Source != "" && c.Source != facts.Source,
		len(c.Reason) > 0 && !containsAny(facts.Reason, c.Reason),
		len(c.Text) > 0 && !containsAny(facts.Text, c.Text),
		len(c.Tags) > 0 && !(Condition{OneOf: c.Tags}).fits(at(payload, "tags")):
		return false
	}
	for path, condition := range c.Payload {
		if !condition.fits(at(payload, path)) {
			return false
		}
	}
	return true
}
