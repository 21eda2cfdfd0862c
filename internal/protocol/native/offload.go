package native

import "handoff"

// ParseOffload reads an OffloadBody: a request for a person. The errors are malformed and invalid.
func ParseOffload(body []byte) ([]handoff.Item, error) {
	return readOne(body, func(f *fields) handoff.Item {
		item := handoff.Item{Kind: handoff.ItemOffload, Contact: readContact(f), ExternalID: requestID(f, handoff.ItemOffload)}
		item.Offload = &handoff.ItemOffloadBody{
			Reason: f.text("reason", maxText), Payload: f.json("payload", false), Source: handoff.SourceGateway, At: f.timestamp(),
			Transcript: readTranscript(f),
		}
		return item
	})
}

// ParseEnd reads an EndBody: the gateway says that the conversation is over. The errors are malformed and invalid.
func ParseEnd(body []byte) ([]handoff.Item, error) {
	return readOne(body, func(f *fields) handoff.Item {
		f.timestamp() // it is checked, and kept with the bytes
		return handoff.Item{
			Kind: handoff.ItemEnd, Contact: readContact(f), ExternalID: requestID(f, handoff.ItemEnd), Reason: f.text("reason", maxText),
		}
	})
}

// requestID is by which a repeat of a request is known; empty where the gateway gives no id, because a second request in the same
// words is a second request. It bears its kind, because messages, offloads and ends of an inbox share one space of ids, and a gateway
// may well count each from 1.
func requestID(f *fields, kind handoff.ItemKind) string {
	if !f.has("id") {
		return ""
	}
	return string(kind) + ":" + f.id("id")
}

func readTranscript(f *fields) []handoff.HistoryTurn {
	var turns []handoff.HistoryTurn
	for _, o := range f.list("transcript") {
		turn := readTurn(o)
		authors := []string{string(handoff.AuthorContact)}
		if turn.Direction == handoff.Outbound {
			authors = []string{string(handoff.AuthorBot), string(handoff.AuthorAgent)}
		}
		if author := o.choice("author", authors...); o.has("author") {
			turn.Author = handoff.AuthorType(author)
		}
		kind := o.choice("type", messageTypes...)
		if content := readContent(o, kind, turn.Text); kind != "text" || o.has("content") {
			turn.Type, turn.Content = kind, content
		}
		checkSaid(o, kind, turn.Text)
		o.done()
		turns = append(turns, turn)
	}
	return turns
}
