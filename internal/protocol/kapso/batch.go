package kapso

import (
	"encoding/json"
	"strconv"
	"time"

	"handoff"
	"handoff/internal/protocol"
)

// merge makes one body of webhooks that were held back. It is a batch even if it has one part: Kapso's documents promise the form to
// whoever turns buffering on. The version is that of the parts, which tell it by the key that only v1 has.
func merge(event string, parts []protocol.Part, window time.Duration) (protocol.Webhook, error) {
	info := object{{"size", len(parts)}, {"window_ms", window.Milliseconds()}}
	var first, last int64
	data := make([]json.RawMessage, 0, len(parts))
	for _, part := range parts {
		if !json.Valid(part.Body) {
			return protocol.Webhook{}, handoff.Errorf(handoff.CodeInternal, "part %d of a batch of %s is not JSON", len(data)+1, event)
		}
		data = append(data, part.Body)
	}
	version := V2
	if len(parts) > 0 {
		first, last = parts[0].Seq, parts[len(parts)-1].Seq
		version = versionOf(parts[0].Body)
	}
	info = append(info, field{"first_sequence", first}, field{"last_sequence", last})
	body, err := encode(event, object{{"type", event}, {"batch", true}, {"batch_info", info}, {"data", data}})
	if err != nil {
		return protocol.Webhook{}, err
	}
	return protocol.Webhook{Event: event, Body: body, Header: map[string]string{
		headerEvent: event, headerIdempotencyKey: "{id}", headerVersion: version, headerBatch: "true", headerBatchSize: strconv.Itoa(len(parts)),
	}}, nil
}

func versionOf(body []byte) string {
	var keys struct {
		Config json.RawMessage `json:"whatsapp_config"`
	}
	if err := json.Unmarshal(body, &keys); err == nil && keys.Config != nil {
		return V1
	}
	return V2
}
