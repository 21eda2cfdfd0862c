package api

import (
	"encoding/json"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// AgentRef names an agent.
type AgentRef struct {
	ID   handoff.ID `json:"id" format:"uuid"`
	Name string     `json:"name"`
}

// Contact is the customer behind a conversation.
type Contact struct {
	ID         handoff.ID `json:"id" format:"uuid"`
	Name       string     `json:"name,omitempty"`
	Identities []Identity `json:"identities"`
}

// Identity is one name under which a contact is known.
type Identity struct {
	Kind  handoff.IdentityKind `json:"kind" enum:"bsuid,phone,username,session"`
	Value string               `json:"value"`
}

// Author is who wrote a message or a note.
type Author struct {
	Type handoff.AuthorType `json:"type" enum:"contact,bot,agent,system"`
	ID   *handoff.ID        `json:"id,omitempty" format:"uuid"`
	Name string             `json:"name,omitempty"`
}

// Message is one turn of a conversation.
type Message struct {
	ID                handoff.ID            `json:"id" format:"uuid"`
	ConversationID    *handoff.ID           `json:"conversation_id,omitempty" format:"uuid"`
	Seq               *int64                `json:"seq,omitempty" doc:"Its place in the conversation's events."`
	Direction         handoff.Direction     `json:"direction" enum:"inbound,outbound"`
	Author            Author                `json:"author"`
	Type              string                `json:"type" doc:"WhatsApp's type of the message, such as text or image."`
	Text              string                `json:"text,omitempty" doc:"What a person would read: the text, the caption, the button that was pressed."`
	Content           map[string]any        `json:"content" doc:"WhatsApp's object for the type, and what surrounds it."`
	Media             *Media                `json:"media,omitempty"`
	Status            handoff.MessageStatus `json:"status,omitempty" enum:"queued,delivered_to_gateway,sent,delivered,read,played,failed,uncertain" doc:"How far an outbound message has come."`
	Failure           *Failure              `json:"failure,omitempty"`
	ExternalID        string                `json:"external_id,omitempty" doc:"The vendor's id of the message, such as a wamid."`
	ReplyTo           *handoff.ID           `json:"reply_to,omitempty" format:"uuid" doc:"The message that is quoted or reacted to, if we have it."`
	ReplyToExternalID string                `json:"reply_to_external_id,omitempty" doc:"The vendor's id of the message that is quoted or reacted to."`
	RetryOf           *handoff.ID           `json:"retry_of,omitempty" format:"uuid" doc:"The failed message that this one repeats."`
	SentAt            *time.Time            `json:"sent_at,omitempty" doc:"The vendor's time of the message."`
	CreatedAt         time.Time             `json:"created_at" doc:"When we accepted it."`
}

// Media is the file of a message, or an upload.
type Media struct {
	ID       handoff.ID         `json:"id" format:"uuid"`
	State    handoff.MediaState `json:"state" enum:"pending,ready,failed" doc:"A pending file is being fetched from the vendor."`
	MIMEType string             `json:"mime_type,omitempty" doc:"What the file is, once it is ready; before, what the vendor says."`
	Filename string             `json:"filename,omitempty"`
	Size     int64              `json:"size,omitempty" doc:"Bytes."`
	URL      string             `json:"url,omitempty" format:"uri-reference" doc:"Where the file can be read without a key for an hour, once it is ready. Without a host if the server does not know its public address: then it is relative to this API."`
	Reason   string             `json:"reason,omitempty" doc:"Why it failed."`
}

// Failure says why a message was not delivered.
type Failure struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// quotedKey finds a message by its external id, which is unique in an inbox.
type quotedKey struct {
	inbox      handoff.ID
	externalID string
}

// messageView is a message as the API shows it. Where the contact is known, it is the author of what it wrote.
func messageView(row dbsqlc.Message, contactName string, quoted map[quotedKey]handoff.ID) (Message, error) {
	m := Message{
		ID: row.ID, ConversationID: row.ConversationID, Seq: row.Seq, Direction: row.Direction, Type: row.Type,
		Author: Author{Type: row.AuthorType, ID: row.AuthorID, Name: db.OrEmpty(row.AuthorName)},
		Text:   db.OrEmpty(row.Text), ExternalID: db.OrEmpty(row.ExternalID), ReplyToExternalID: db.OrEmpty(row.ReplyTo),
		RetryOf: row.RetryOf, SentAt: utc(row.SentAt), CreatedAt: row.CreatedAt.UTC(), Content: map[string]any{},
	}
	if row.AuthorType == handoff.AuthorContact {
		m.Author.ID, m.Author.Name = &row.ContactID, contactName
	}
	if row.Status != nil {
		m.Status = *row.Status
	}
	if row.FailureCode != nil {
		m.Failure = &Failure{Code: *row.FailureCode, Reason: db.OrEmpty(row.FailureReason)}
	}
	if id, ok := quoted[quotedKey{row.InboxID, db.OrEmpty(row.ReplyTo)}]; ok {
		m.ReplyTo = &id
	}
	if err := decodeContent(row, &m); err != nil {
		return m, err
	}
	return m, nil
}

// decodeContent puts the object for the type under the type's name, as Meta's own bodies have it. What an agent sends is stored as
// that object alone.
func decodeContent(row dbsqlc.Message, m *Message) error {
	var content any
	if err := json.Unmarshal(row.Content, &content); err != nil {
		return err
	}
	object, ok := content.(map[string]any)
	if ok && (row.Direction == handoff.Inbound || (row.AuthorID == nil && row.AuthorType != handoff.AuthorSystem)) {
		m.Content = object
		return nil
	}
	if content != nil {
		m.Content = map[string]any{row.Type: content}
	}
	return nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
