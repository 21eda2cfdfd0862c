package native

import "encoding/json"

// MaxBody is the largest body of a webhook, in bytes. Standard Webhooks asks for less than 20 kB; receivers count on bodies of that order.
const MaxBody = 256 << 10

// encode writes an event. One that is too large says less, step by step, and where the rest can be read: the receiver learns that
// something happened, and loses nothing.
func encode(e EventBody) ([]byte, error) {
	body, err := json.Marshal(e)
	for _, drop := range []func(*EventData){dropSaid, dropDetails, dropContact} {
		if err != nil || len(body) <= MaxBody {
			return body, err
		}
		drop(&e.Data)
		e.Data.Truncated = true
		if e.Data.ConversationID != nil {
			e.Data.URL = "/v1/conversations/" + e.Data.ConversationID.String() + "/messages"
		}
		body, err = json.Marshal(e)
	}
	return body, err
}

func dropSaid(d *EventData) {
	if d.Message != nil {
		d.Message.Text, d.Message.Content = "", json.RawMessage(`{}`)
	}
}

func dropDetails(d *EventData) { d.Details = nil }

func dropContact(d *EventData) {
	if d.Contact != nil {
		d.Contact = &EventContact{ID: d.Contact.ID, Identities: []EventIdentity{}}
	}
}
