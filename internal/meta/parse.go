package meta

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"handoff"
	"handoff/internal/vendorjson"
)

// maxElements is how many elements a body may have. Meta promises at most 1,000 updates in one (webhooks/overview); without a
// limit, a body of four megabytes could ask for two million rows.
const maxElements = 10_000

// Webhook is what a body of Meta's says.
type Webhook struct {
	// Items are its elements. Every change yields at least one.
	Items []handoff.Item
	// Extra are the keys of the body beside object and entry, which are not Meta's.
	Extra map[string]json.RawMessage
}

// Parse reads a webhook body. It refuses only what is no JSON (malformed), no object or has no list of entries (invalid), or
// has ten times the elements that Meta ever sends (too_large).
func Parse(body []byte) (Webhook, error) {
	top, err := parseBody(body)
	if err != nil {
		return Webhook{}, err
	}
	entries, ok := top.List("entry")
	if !ok {
		return Webhook{}, notMeta(`it has no list "entry"`, "body.entry")
	}
	var p parser
	for i, raw := range entries {
		p.entry(fmt.Sprintf("entry[%d]", i), raw)
		if p.overflow {
			return Webhook{}, handoff.Errorf(handoff.CodeTooLarge, "the body has more than %d elements; Meta sends 1000 at most: split it", maxElements)
		}
	}
	delete(top, "object")
	delete(top, "entry")
	return Webhook{Items: p.items, Extra: top}, nil
}

func parseBody(body []byte) (object, error) {
	if err := vendorjson.Check(body); err != nil {
		return nil, err
	}
	var raw json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, handoff.Errorf(handoff.CodeMalformed,
				"the body is not JSON (%w, at byte %d): forward the bytes of Meta's webhook as they came", err, syntax.Offset)
		}
		return nil, handoff.Errorf(handoff.CodeMalformed, "the body is not JSON (%w): forward the bytes of Meta's webhook as they came", err)
	}
	top, ok := vendorjson.ParseObject(raw)
	if !ok {
		return nil, notMeta("it is not an object", "body")
	}
	return top, nil
}

func notMeta(what, location string) error {
	const expected = `expected {"object":"whatsapp_business_account","entry":[{"id":…,"changes":[…]}]}`
	return &handoff.Error{
		Code:    handoff.CodeInvalid,
		Message: fmt.Sprintf("the body is not a webhook of Meta's, %s: %s", what, expected),
		Details: []handoff.ErrorDetail{{Location: location, Message: expected}},
	}
}

type parser struct {
	items    []handoff.Item
	overflow bool
}

// change is the part of a body that shares a number and a list of contacts.
type change struct {
	location string
	route    handoff.Route
	contacts []person
	// standby tells that Meta's own agent holds the conversation, and we are shown what is said in it.
	standby bool
}

func (p *parser) add(kind handoff.ItemKind, location string, route handoff.Route, reason string) *handoff.Item {
	if len(p.items) == maxElements {
		p.overflow = true
		return &handoff.Item{}
	}
	p.items = append(p.items, handoff.Item{Kind: kind, Location: location, Route: route, Reason: reason})
	return &p.items[len(p.items)-1]
}

func (p *parser) entry(location string, raw json.RawMessage) {
	entry, ok := vendorjson.ParseObject(raw)
	if !ok {
		p.add(handoff.ItemIgnored, location, handoff.Route{}, "the entry is not an object")
		return
	}
	route := handoff.Route{WABAID: entry.ID("id")}
	changes, ok := entry.List("changes")
	if !ok || len(changes) == 0 {
		p.add(handoff.ItemIgnored, location, route, `the entry has no "changes"`)
		return
	}
	for i, raw := range changes {
		p.change(fmt.Sprintf("%s.changes[%d]", location, i), route, raw)
	}
}

func (p *parser) change(location string, route handoff.Route, raw json.RawMessage) {
	outer, ok := vendorjson.ParseObject(raw)
	if !ok {
		p.add(handoff.ItemIgnored, location, route, "the change is not an object")
		return
	}
	value, ok := vendorjson.ParseObject(outer["value"])
	if !ok {
		p.add(handoff.ItemIgnored, location, route, `the change has no object "value"`)
		return
	}
	route.PhoneNumberID = value.Object("metadata").ID("phone_number_id")
	c := change{location: location, route: route, contacts: parsePeople(value)}
	switch field := outer.Text("field"); field {
	case "", "messages", "smb_message_echoes": // some gateways leave the field away
		p.elements(c, ".value", value)
	case "standby":
		p.standby(c, value)
	case "messaging_handovers":
		p.handover(c, value)
	default:
		p.add(handoff.ItemEvent, location, route, fmt.Sprintf("a change of the field %q: kept, and nothing is done with it", vendorjson.Clip(field, 60)))
	}
}

// elements makes one item of each message, echo, status and error in the object at the path, and one of whatever else it holds.
func (p *parser) elements(c change, path string, value object) {
	before := len(p.items)
	kinds := []struct {
		key  string
		item func(c change, location string, element object)
	}{
		{"messages", p.message}, {"message_echoes", p.echo}, {"statuses", p.status}, {"errors", p.failure},
	}
	known := map[string]bool{"messaging_product": true, "metadata": true, "contacts": true, "standby": c.standby}
	for _, kind := range kinds {
		known[kind.key] = true
		if !value.Has(kind.key) {
			continue
		}
		location := c.location + path + "." + kind.key
		list, ok := value.List(kind.key)
		if !ok {
			p.add(handoff.ItemIgnored, location, c.route, fmt.Sprintf("%q is not a list", kind.key))
		}
		for i, raw := range list {
			at := fmt.Sprintf("%s[%d]", location, i)
			element, ok := vendorjson.ParseObject(raw)
			if !ok {
				p.add(handoff.ItemIgnored, at, c.route, fmt.Sprintf("the element of %q is not an object", kind.key))
				continue
			}
			kind.item(c, at, element)
		}
	}
	p.rest(c, value, known, len(p.items) == before)
}

func (p *parser) rest(c change, value object, known map[string]bool, empty bool) {
	var others []string
	for _, key := range slices.Sorted(maps.Keys(value)) {
		if !known[key] {
			others = append(others, vendorjson.Clip(vendorjson.SanitizeText(key), 60))
		}
	}
	switch {
	case len(others) > 0:
		p.add(handoff.ItemEvent, c.location, c.route, "a change with "+vendorjson.Clip(strings.Join(others, ", "), 400)+": kept, and nothing is done with it")
	case empty:
		p.add(handoff.ItemEvent, c.location, c.route, "a change with neither messages nor statuses")
	}
}

// failure is an error that concerns the number and no message.
func (p *parser) failure(c change, location string, element object) {
	f := failureOf(element)
	p.add(handoff.ItemEvent, location, c.route, fmt.Sprintf("an error of the number: %s (%s)", f.Reason, f.Code))
}

// ParseSent reads the id of the message from Meta's answer to a sent message. It gives false for any other text.
func ParseSent(answer []byte) (wamid string, ok bool) {
	if vendorjson.Check(answer) != nil {
		return "", false
	}
	top, _ := vendorjson.ParseObject(answer)
	messages, _ := top.List("messages")
	if len(messages) == 0 {
		return "", false
	}
	sent, _ := vendorjson.ParseObject(messages[0])
	wamid = sent.ID("id")
	return wamid, wamid != ""
}
