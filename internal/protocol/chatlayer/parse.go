package chatlayer

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"handoff"
	"handoff/internal/vendorjson"
)

// The events of the offloading webhook, as the key "event" names them ("type" in older copies of the documentation).
const (
	EventMessages = "messages"
	EventOffload  = "offload"
)

const (
	// maxItems is how many items one body may yield. Chatlayer sends a message or a few at a time, and a transcript has as many
	// entries as people and bots can write.
	maxItems = 10_000
	// maxSession is how long a sessionId may be, in bytes: PostgreSQL cannot index a value above 2,704.
	maxSession = 512
	maxName    = 200 // code points
)

// Inbound is what a body of Chatlayer's says.
type Inbound struct {
	Event     string // EventMessages or EventOffload
	SessionID string
	BotID     string
	Version   string // DRAFT or LIVE; what else Chatlayer says, as it says it
	Channel   string // such as web; may be empty
	// Items have no route, because the address of the request names the inbox. An offload comes first in its body's items, then
	// what of its transcript was ignored.
	Items []handoff.Item
}

// Parse reads a POST of the offloading webhook. It refuses what is no JSON (malformed), what is no event of a session (invalid) and
// more than 10,000 entries (too_large). A faulty entry is an ignored item and spoils no other.
//
// Messages are shadow messages: Chatlayer sends them for every conversation, also where nobody asked for a person. Chatlayer gives
// no ids that its feed and its transcripts have in common, so an id is made of what they say; see identifier.
func Parse(body []byte) (Inbound, error) {
	top, err := parseBody(body)
	if err != nil {
		return Inbound{}, err
	}
	in := Inbound{
		Event:     strings.ToLower(strings.TrimSpace(first(top.Text("event"), top.Text("type")))),
		SessionID: strings.TrimSpace(top.Scalar("sessionId")), BotID: strings.TrimSpace(top.Scalar("botId")),
		Version: strings.ToUpper(strings.TrimSpace(top.Text("version"))), Channel: top.Text("channel"),
	}
	if err := in.check(); err != nil {
		return Inbound{}, err
	}
	p := parser{session: in.SessionID, ids: identifier{session: in.SessionID}}
	if in.Event == EventMessages {
		p.bodyTime = timestamp(top)
		err = p.messages(top)
	} else {
		err = p.offload(in, top)
	}
	if err != nil {
		return Inbound{}, err
	}
	in.Items = p.items
	return in, nil
}

func parseBody(body []byte) (object, error) {
	if err := vendorjson.Check(body); err != nil {
		return nil, err
	}
	var raw json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, handoff.Errorf(handoff.CodeMalformed, "the body is not JSON: %w", err)
	}
	top, ok := vendorjson.ParseObject(raw)
	if !ok {
		return nil, refuse("body", `the body has to be an object such as {"event":"messages","sessionId":"…","botId":"…","version":"LIVE","messages":[…]}`)
	}
	return top, nil
}

func (in *Inbound) check() error {
	if in.Event != EventMessages && in.Event != EventOffload {
		return refuse("body.event", `event has to be "messages" or "offload"; there is no other in Chatlayer's offloading webhook`)
	}
	if in.SessionID == "" {
		return refuse("body.sessionId", "sessionId is missing: send the id of the user's session, which names the contact")
	}
	if len(in.SessionID) > maxSession {
		return refuse("body.sessionId", fmt.Sprintf("sessionId has %d bytes; it may have %d", len(in.SessionID), maxSession))
	}
	return nil
}

func refuse(location, sentence string) error {
	return &handoff.Error{
		Code: handoff.CodeInvalid, Message: sentence, Details: []handoff.ErrorDetail{{Location: location, Message: sentence}},
	}
}

// parser collects the items of one body.
type parser struct {
	session string
	// bodyTime is the time of a whole body of messages, for entries that have none. That of an offload is no time of what was
	// said before.
	bodyTime time.Time
	ids      identifier
	items    []handoff.Item
}

// turn is one entry that says something.
type turn struct {
	location   string
	externalID string
	author     handoff.AuthorType
	name       string
	at         time.Time
	said
}

func (t turn) direction() handoff.Direction {
	if t.author == handoff.AuthorContact {
		return handoff.Inbound
	}
	return handoff.Outbound
}

func (p *parser) messages(top object) error {
	entries, err := p.entries(top, "messages")
	for i, raw := range entries {
		turns, err := p.entry(fmt.Sprintf("messages[%d]", i), raw)
		if err != nil {
			return err
		}
		for _, t := range turns {
			item := handoff.Item{Kind: handoff.ItemMessage, Location: t.location, ExternalID: t.externalID, Contact: contact(p.session, t.name)}
			if t.intro {
				item.Kind, item.Reason = handoff.ItemEvent, "the contact opened the chat and has said nothing yet"
			} else {
				item.Message = &handoff.ItemMessageBody{
					Direction: t.direction(), Author: t.author, Type: t.kind, Text: t.text, Content: t.content, Media: t.media, At: t.at, Shadow: true,
				}
				item.Message.EchoKey = EchoKey(*item.Message)
			}
			p.items = append(p.items, item)
		}
	}
	return err
}

func (p *parser) offload(in Inbound, top object) error {
	offload := &handoff.ItemOffloadBody{Source: handoff.SourceGateway, At: timestamp(top)}
	if in.Version == versionLive || in.Version == versionDraft {
		offload.BotVersion = in.Version
	}
	if payload, ok := vendorjson.ParseObject(top["payload"]); ok {
		offload.Payload, offload.Reason = vendorjson.Sanitize(top["payload"]), payload.Text("reason")
	}
	p.items = append(p.items, handoff.Item{Kind: handoff.ItemOffload, ExternalID: offloadID(in, top), Offload: offload})
	if top.Has("payload") && len(offload.Payload) == 0 {
		p.ignore("payload", "payload has to be an object; the offload counts without it")
	}
	entries, err := p.entries(top, "transcript")
	name := ""
	for i, raw := range entries {
		turns, err := p.entry(fmt.Sprintf("transcript[%d]", i), raw)
		if err != nil {
			return err
		}
		for _, t := range turns {
			name = first(t.name, name)
			if !t.intro {
				offload.Transcript = append(offload.Transcript, t.history())
			}
		}
		if len(offload.Transcript) > maxItems {
			return tooMany()
		}
	}
	p.items[0].Contact = contact(p.session, name)
	return err
}

// history tells a turn of a transcript. A file without words is told by its address.
func (t turn) history() handoff.HistoryTurn {
	text := t.text
	if text == "" && t.media != nil {
		text = t.media.URL
	}
	return handoff.HistoryTurn{
		Direction: t.direction(), Author: t.author, Type: t.kind, Text: text, Content: t.content, ExternalID: t.externalID, At: t.at,
	}
}

func (p *parser) entries(top object, key string) ([]json.RawMessage, error) {
	list, ok := vendorjson.ParseList(top[key])
	if !ok && top.Has(key) {
		p.ignore(key, key+` has to be a list of {"actor":"bot"|"user","message":{…},"timestamp":"…"}`)
	}
	if len(list) > maxItems {
		return nil, tooMany()
	}
	return list, nil
}

func tooMany() error {
	return handoff.Errorf(handoff.CodeTooLarge, "the body has more than %d messages: split it", maxItems)
}

// entry reads one element of messages or transcript. It has several turns where the user sent several files at once.
func (p *parser) entry(location string, raw json.RawMessage) ([]turn, error) {
	if len(p.items) >= maxItems {
		return nil, tooMany()
	}
	o, ok := vendorjson.ParseObject(raw)
	if !ok {
		p.ignore(location, `an entry has to be an object {"actor":"bot"|"user","message":{…},"timestamp":"…"}`)
		return nil, nil
	}
	message, ok := vendorjson.ParseObject(o["message"])
	if !ok {
		p.ignore(location, "message has to be an object")
		return nil, nil
	}
	at := timeOf(o, message)
	t := turn{location: location, at: at}
	if at.IsZero() {
		t.at = p.bodyTime
	}
	var all []said
	actor := strings.ToLower(strings.TrimSpace(o.Text("actor")))
	switch actor {
	case "user":
		t.author, t.name = handoff.AuthorContact, vendorjson.Clip(strings.TrimSpace(message.Object("sender").Text("firstname")), maxName)
		all = userSaid(message, o["message"])
	case "bot":
		t.author = handoff.AuthorBot
		all = []said{botSaid(message, o["message"])}
	default:
		p.ignore(location, `actor has to be "bot" or "user"`)
		return nil, nil
	}
	if len(p.items)+len(all) > maxItems {
		return nil, tooMany()
	}
	id := p.ids.next(actor, at, first(o.Scalar("timestamp"), t.at.String()), message)
	turns := make([]turn, 0, len(all))
	for i, s := range all {
		one := t
		one.said, one.externalID = s, id
		if i > 0 {
			one.externalID = fmt.Sprintf("%s:%d", id, i+1)
			one.location = fmt.Sprintf("%s.message.urls[%d]", location, i)
		}
		turns = append(turns, one)
	}
	return turns, nil
}

// timeOf is the time of an entry: its own, else that of the message in it.
func timeOf(entry, message object) time.Time {
	if at := timestamp(entry); !at.IsZero() {
		return at
	}
	return timestamp(message)
}

func (p *parser) ignore(location, reason string) {
	p.items = append(p.items, handoff.Item{Kind: handoff.ItemIgnored, Location: location, Reason: reason})
}
