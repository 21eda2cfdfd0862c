package native

import (
	"encoding/json"
	"fmt"
	"strings"

	"handoff"
	"handoff/internal/vendorjson"
)

const (
	// maxElements is how many messages, statuses or turns one list may have.
	maxElements = 1000
	// maxFaults is how many faults one refusal tells.
	maxFaults = 50
)

// checkBody refuses what is no JSON, and what a decoder should not see.
func checkBody(body []byte) error {
	if err := vendorjson.Check(body); err != nil {
		return err
	}
	if !json.Valid(body) {
		return handoff.Errorf(handoff.CodeMalformed, "the body is not JSON")
	}
	return nil
}

// readOne reads a body that is one object.
func readOne(body []byte, read func(*fields) handoff.Item) ([]handoff.Item, error) {
	if err := checkBody(body); err != nil {
		return nil, err
	}
	item, faults := readElement("body", body, read)
	if len(faults) > 0 {
		return nil, refusal(faults)
	}
	return []handoff.Item{item}, nil
}

// readMany reads a body that is one object, or {"<key>":[…]}. A bad element of a list is ignored with its reason; a list of bad
// elements only is refused.
func readMany(body []byte, key string, read func(*fields) handoff.Item) ([]handoff.Item, error) {
	if err := checkBody(body); err != nil {
		return nil, err
	}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil || whole[key] == nil {
		return readOne(body, read)
	}
	list, err := elements(whole, key)
	if err != nil {
		return nil, err
	}
	items := make([]handoff.Item, 0, len(list))
	var all []handoff.ErrorDetail
	good := 0
	for i, raw := range list {
		location := fmt.Sprintf("%s[%d]", key, i)
		item, faults := readElement("body."+location, raw, read)
		item.Location = location
		items, all = append(items, item), append(all, faults...)
		if len(faults) == 0 {
			good++
		}
	}
	if good == 0 {
		return nil, refusal(all)
	}
	return items, nil
}

func readElement(at string, raw json.RawMessage, read func(*fields) handoff.Item) (handoff.Item, []handoff.ErrorDetail) {
	var faults []handoff.ErrorDetail
	f := open(at, raw, &faults)
	if f == nil {
		return handoff.Item{Kind: handoff.ItemIgnored, Reason: sentence(faults)}, faults
	}
	item := read(f)
	f.done()
	if len(faults) > 0 {
		return handoff.Item{Kind: handoff.ItemIgnored, ExternalID: item.ExternalID, Reason: sentence(faults)}, faults
	}
	return item, nil
}

func elements(whole map[string]json.RawMessage, key string) ([]json.RawMessage, error) {
	var list []json.RawMessage
	var faults []handoff.ErrorDetail
	f := fields{at: "body", raw: whole, asked: []string{key}, faults: &faults}
	if err := json.Unmarshal(whole[key], &list); err != nil {
		f.fault(key, "has to be a list")
	} else if len(list) == 0 {
		f.fault(key, "is an empty list")
	}
	f.done()
	if len(faults) > 0 {
		return nil, refusal(faults)
	}
	if len(list) > maxElements {
		return nil, handoff.Errorf(handoff.CodeTooLarge, "%s has %d elements; %d are allowed: send several requests", key, len(list), maxElements)
	}
	return list, nil
}

func refusal(faults []handoff.ErrorDetail) error {
	return &handoff.Error{Code: handoff.CodeInvalid, Message: sentence(faults), Details: faults[:min(len(faults), maxFaults)]}
}

// sentence tells the first fault: "messages[3].id is missing: …".
func sentence(faults []handoff.ErrorDetail) string {
	s := strings.TrimPrefix(faults[0].Location, "body.") + " " + faults[0].Message
	if strings.HasPrefix(s, "body ") {
		s = "the " + s
	}
	if more := len(faults) - 1; more > 0 {
		s += fmt.Sprintf(" (and %d more)", more)
	}
	return s
}
