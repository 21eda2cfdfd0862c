package hitlchat

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"handoff"
	"handoff/internal/meta"
	"handoff/internal/vendorjson"
)

// maxWarnings is how many faults of one body are told one by one.
const maxWarnings = 10

// Inbound is what a body of the gateway's says.
type Inbound struct {
	Items []handoff.Item
	// Warnings say what of prior_history was left out and why. The body counts all the same.
	Warnings []string
}

// Parse reads a body of POST /v1/public/inbound: Meta's webhook body with an optional prior_history beside its entries. It
// refuses what meta.Parse refuses and nothing else.
//
// prior_history has no word on whose it is, so it goes to the first message that may open a conversation; the guide means a
// body with one message.
func Parse(body []byte) (Inbound, error) {
	webhook, err := meta.Parse(body)
	if err != nil {
		return Inbound{}, err
	}
	in := Inbound{Items: webhook.Items}
	raw := webhook.Extra["prior_history"]
	if len(raw) == 0 || string(raw) == "null" {
		return in, nil
	}
	history := in.history(raw)
	if len(history) == 0 {
		return in, nil
	}
	for i := range in.Items {
		if m := in.Items[i].Message; m != nil && m.Opens {
			m.History = history
			return in, nil
		}
	}
	in.warn("prior_history is left out: no message of this body can open a conversation")
	return in, nil
}

func (in *Inbound) history(raw json.RawMessage) []handoff.HistoryTurn {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		in.warn(`prior_history is left out: it has to be a list of {"direction":"inbound"|"outbound","text":"…","timestamp":"…"}`)
		return nil
	}
	var turns []handoff.HistoryTurn
	faults := 0
	for i, raw := range list {
		turn, fault := parseTurn(raw)
		if fault != "" {
			if faults++; faults <= maxWarnings {
				in.warn("prior_history[%d] %s", i, fault)
			}
		}
		if turn.Text != "" {
			turns = append(turns, turn)
		}
	}
	if faults > maxWarnings {
		in.warn("%d more entries of prior_history have faults", faults-maxWarnings)
	}
	return turns
}

// parseTurn gives a turn without text for an entry that is left out. An entry with a bad time still says something.
func parseTurn(raw json.RawMessage) (turn handoff.HistoryTurn, fault string) {
	var entry struct {
		Direction handoff.Direction `json:"direction"`
		Text      string            `json:"text"`
		Timestamp json.RawMessage   `json:"timestamp"`
	}
	if err := json.Unmarshal(raw, &entry); err != nil {
		return turn, "is left out: direction and text have to be texts"
	}
	if entry.Direction != handoff.Inbound && entry.Direction != handoff.Outbound {
		return turn, `is left out: its direction has to be "inbound" or "outbound"`
	}
	if strings.TrimSpace(entry.Text) == "" {
		return turn, "is left out: it has no text; describe a file in words"
	}
	turn = handoff.HistoryTurn{Direction: entry.Direction, Text: vendorjson.SanitizeText(entry.Text)}
	var written string
	if err := json.Unmarshal(entry.Timestamp, &written); err == nil {
		// Beyond the year 9999, which an offset can reach, Go refuses to write the time down again.
		if at, err := time.Parse(time.RFC3339, written); err == nil && at.UTC().Year() > 0 && at.UTC().Year() < 10000 {
			turn.At = at.UTC()
			return turn, ""
		}
	}
	return turn, "has no time: timestamp has to be like 2026-06-08T09:14:00Z"
}

func (in *Inbound) warn(format string, args ...any) {
	in.Warnings = append(in.Warnings, fmt.Sprintf(format, args...))
}

// ParseReceipt reads the id that Meta gave a message from a gateway's answer to outbound_message. HitlChat's protocol has no
// such answer; a gateway that passes Meta's own, {"messages":[{"id":"wamid.…"}]}, lets us match the statuses. Any other
// answer is fine and says nothing.
func ParseReceipt(responseBody []byte) (wamid string, ok bool) {
	return meta.ParseSent(responseBody)
}
