package api

import (
	_ "embed"
	"html/template"
	"time"

	"handoff"
)

//go:embed transcript.html
var transcriptHTML string

var transcriptPage = template.Must(template.New("transcript").Parse(transcriptHTML))

// htmlTranscript is a page to be read or printed. It loads nothing and runs nothing. Texts find their direction by themselves, and have
// their language where the request gave it: the same code point looks different in Chinese and in Japanese.
type htmlTranscript struct {
	t *transcript
	d *download
}

type htmlTime struct{ At, Text string }

type htmlHead struct {
	Contact, Inbox, Zone string
	Opened               htmlTime
}

type htmlEntry struct {
	Entry                                   TranscriptEntry
	Time                                    htmlTime
	Author, Direction, Mark, Text, Language string
}

func (w *htmlTranscript) head() error {
	return transcriptPage.ExecuteTemplate(&w.d.page, "head", htmlHead{
		Contact: calledContact(w.t.view), Inbox: w.t.inbox, Zone: w.t.zone.String(), Opened: w.time(w.t.view.OpenedAt),
	})
}

func (w *htmlTranscript) entry(e TranscriptEntry) error {
	shown := htmlEntry{
		Entry: e, Time: w.time(e.Time), Author: actorName(e.Author), Direction: "inbound", Mark: mark(e), Text: plain(e.Text), Language: w.t.language,
	}
	if e.Author.Type != handoff.AuthorContact {
		shown.Direction = "outbound"
	}
	if e.Kind == entryMessage && e.Media == nil && shown.Text == "" {
		shown.Text = spoken(e)
	}
	return transcriptPage.ExecuteTemplate(&w.d.page, e.Kind, shown)
}

func (w *htmlTranscript) foot() error { return transcriptPage.ExecuteTemplate(&w.d.page, "foot", nil) }

func (w *htmlTranscript) time(at time.Time) htmlTime {
	return htmlTime{at.UTC().Format(time.RFC3339), w.t.stamp(at)}
}
