package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
)

// TranscriptEntry is one line of a transcript.
type TranscriptEntry struct {
	Kind   string                `json:"kind" enum:"message,event,note" doc:"What was said, what happened, or what agents wrote for each other."`
	Seq    *int64                `json:"seq,omitempty" doc:"Its place in the conversation's events. Absent for what came after the end."`
	Time   time.Time             `json:"time" doc:"The vendor's time of a message where it gave one, and else ours."`
	Author Author                `json:"author"`
	Type   string                `json:"type" doc:"The type of the message, such as text or image; of the event, such as conversation.claimed; or note."`
	Text   string                `json:"text,omitempty" doc:"What a person reads."`
	Media  *TranscriptMedia      `json:"media,omitempty"`
	Status handoff.MessageStatus `json:"status,omitempty" enum:"queued,delivered_to_gateway,sent,delivered,read,played,failed,uncertain" doc:"How far an outbound message has come."`
	Reason string                `json:"reason,omitempty" doc:"Why it failed."`
}

// TranscriptMedia is the file of a message.
type TranscriptMedia struct {
	ID       handoff.ID `json:"id" format:"uuid"`
	Name     string     `json:"name" doc:"The file's name, or else what it is."`
	MIMEType string     `json:"mime_type,omitempty"`
	URL      string     `json:"url,omitempty" format:"uri-reference" doc:"Where it can be read without a key for an hour. Ask GET /v1/media/{id} for a new link."`
}

// The kinds of entries.
const (
	entryMessage = "message"
	entryEvent   = "event"
	entryNote    = "note"
)

func messageEntry(m Message, seq *int64) TranscriptEntry {
	e := TranscriptEntry{Kind: entryMessage, Seq: seq, Time: m.CreatedAt, Author: m.Author, Type: m.Type, Text: m.Text, Status: m.Status}
	if m.SentAt != nil {
		e.Time = *m.SentAt
	}
	if m.Failure != nil {
		e.Reason = cmp.Or(m.Failure.Reason, m.Failure.Code)
	}
	if m.Media != nil {
		e.Media = &TranscriptMedia{ID: m.Media.ID, Name: cmp.Or(m.Media.Filename, m.Type), MIMEType: m.Media.MIMEType, URL: m.Media.URL}
	}
	return e
}

func noteEntry(n Note, seq *int64) TranscriptEntry {
	return TranscriptEntry{Kind: entryNote, Seq: seq, Time: n.CreatedAt, Author: n.Author, Type: entryNote, Text: n.Text}
}

// happened are the events that a transcript tells.
var happened = []handoff.EventType{
	handoff.EventOpened, handoff.EventOffloaded, handoff.EventClaimed, handoff.EventReleased, handoff.EventTransferred, handoff.EventRequeued,
	handoff.EventPassed, handoff.EventEnded, handoff.EventRated,
}

type eventDetails struct {
	Reason      string            `json:"reason"`
	Control     string            `json:"control"`
	Assignee    *handoff.AgentRef `json:"assignee"`
	From        *handoff.AgentRef `json:"from"`
	TeamID      *handoff.ID       `json:"team_id"`
	PreviousID  *handoff.ID       `json:"previous_id"`
	Disposition string            `json:"disposition"`
	Score       int               `json:"score"`
}

// eventEntry tells an event in a sentence.
func eventEntry(row dbsqlc.Event, author Author, teams map[handoff.ID]string) (TranscriptEntry, error) {
	var d eventDetails
	// What an offload carries is the gateway's own, apart from its reason.
	if row.Type == handoff.EventOffloaded {
		var offload struct {
			Reason string `json:"reason"`
		}
		if err := json.Unmarshal(row.Data, &offload); err != nil {
			return TranscriptEntry{}, err
		}
		d.Reason = offload.Reason
	} else if err := json.Unmarshal(row.Data, &d); err != nil {
		return TranscriptEntry{}, err
	}
	team := ""
	if d.TeamID != nil {
		team = cmp.Or(teams[*d.TeamID], "a team")
	}
	return TranscriptEntry{
		Kind: entryEvent, Seq: row.Seq, Time: row.At.UTC(), Author: author, Type: string(row.Type), Text: sentence(row.Type, actorName(author), d, team),
	}, nil
}

func actorName(a Author) string {
	switch {
	case a.Name != "":
		return a.Name
	case a.Type == handoff.AuthorContact:
		return "The contact"
	case a.Type == handoff.AuthorBot:
		return "The bot"
	case a.Type == handoff.AuthorAgent:
		return "An agent"
	}
	return "The server"
}

func sentence(kind handoff.EventType, actor string, d eventDetails, team string) string {
	switch kind {
	case handoff.EventOpened:
		if d.PreviousID != nil {
			return "The conversation was opened again"
		}
		return "The conversation was opened"
	case handoff.EventOffloaded:
		return "The bot asked for a person" + words(d.Reason)
	case handoff.EventClaimed:
		return claimed(actor, d)
	case handoff.EventReleased:
		return actor + " gave the conversation back to the queue" + words(d.Reason)
	case handoff.EventTransferred:
		return transferred(actor, d, team)
	case handoff.EventRequeued:
		return "The conversation went back to the queue" + words(strings.ReplaceAll(d.Reason, "_", " "))
	case handoff.EventPassed:
		text := actor + " passed the conversation to the bot"
		if d.Control != "" {
			text += words(d.Reason)
		}
		return text
	case handoff.EventEnded:
		return ended(actor, d)
	case handoff.EventRated:
		return fmt.Sprintf("%s rated the conversation with %d of 5", actor, d.Score)
	default:
		return string(kind)
	}
}

// words are what somebody gave as a reason.
func words(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func claimed(actor string, d eventDetails) string {
	switch {
	case d.Assignee == nil || d.Assignee.Name == actor:
		return actor + " took the conversation"
	default:
		return d.Assignee.Name + " was given the conversation"
	}
}

func transferred(actor string, d eventDetails, team string) string {
	text := actor + " transferred the conversation"
	if d.From != nil {
		text += " from " + d.From.Name
	}
	if d.Assignee != nil {
		text += " to " + d.Assignee.Name
	}
	if team != "" {
		text += " to the team " + team
	}
	if d.Control != "" {
		text += words(d.Reason)
	}
	return text
}

func ended(actor string, d eventDetails) string {
	switch handoff.EndReason(d.Reason) {
	case handoff.EndInactivity:
		return "The conversation ended: nobody wrote any more"
	case handoff.EndGateway:
		return "The gateway ended the conversation"
	default:
		return actor + " resolved the conversation" + words(d.Disposition)
	}
}
