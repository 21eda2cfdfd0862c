package api

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"

	"handoff"
)

// transcriptFormat is a form in which a transcript is written.
type transcriptFormat struct {
	mediaType, extension string
	writer               func(*transcript, *download) transcriptWriter
}

// transcriptWriter writes a transcript entry by entry.
type transcriptWriter interface {
	head() error
	entry(TranscriptEntry) error
	foot() error
}

var transcriptFormats = map[string]transcriptFormat{
	"json": {"application/json", "json", func(_ *transcript, d *download) transcriptWriter { return &jsonTranscript{d: d} }},
	"text": {"text/plain; charset=utf-8", "txt", func(t *transcript, d *download) transcriptWriter { return &textTranscript{t, d} }},
	"html": {"text/html; charset=utf-8", "html", func(t *transcript, d *download) transcriptWriter { return &htmlTranscript{t, d} }},
}

// jsonTranscript is an array of entries, one a line. One that was cut off is no JSON.
type jsonTranscript struct {
	d     *download
	wrote bool
}

func (w *jsonTranscript) head() error { return w.d.text("[") }

func (w *jsonTranscript) entry(e TranscriptEntry) error {
	separator := "\n"
	if w.wrote {
		separator = ",\n"
	}
	w.wrote = true
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return w.d.text(separator, string(body))
}

func (w *jsonTranscript) foot() error { return w.d.text("\n]\n") }

// textTranscript is for reading. Every line that begins at the margin is ours: what people write is indented from its second line on, so
// that nobody writes a line that looks like somebody else's.
type textTranscript struct {
	t *transcript
	d *download
}

const (
	stampLayout = "2006-01-02 15:04:05"
	indent      = "\n    "
)

func (w *textTranscript) head() error {
	lines := []string{"Conversation with " + oneLine(calledContact(w.t.view)) + " (" + oneLine(w.t.inbox) + ")\n"}
	lines = append(lines, "Opened "+w.t.stamp(w.t.view.OpenedAt)+", times in "+w.t.zone.String()+"\n\n")
	return w.d.text(lines...)
}

func (w *textTranscript) entry(e TranscriptEntry) error {
	stamp := "[" + w.t.stamp(e.Time) + "] "
	switch e.Kind {
	case entryEvent:
		return w.d.text(stamp, "-- ", oneLine(e.Text), "\n")
	case entryNote:
		return w.d.text(stamp, "NOTE by ", oneLine(actorName(e.Author)), " (not sent): ", indented(e.Text), "\n")
	}
	return w.d.text(stamp, oneLine(actorName(e.Author)), ": ", indented(spoken(e)), mark(e), "\n")
}

func (w *textTranscript) foot() error { return w.d.text("\nEnd of the transcript\n") }

func (t *transcript) stamp(at time.Time) string { return at.In(t.zone).Format(stampLayout) }

func calledContact(c Conversation) string {
	return actorName(Author{Type: handoff.AuthorContact, Name: c.Contact.Name})
}

// spoken is what a message says, its file included.
func spoken(e TranscriptEntry) string {
	switch {
	case e.Media != nil && e.Text != "":
		return fileMark(e) + " " + e.Text
	case e.Media != nil:
		return fileMark(e)
	case e.Text == "":
		return "[" + e.Type + "]"
	}
	return e.Text
}

func fileMark(e TranscriptEntry) string {
	if e.Media.Name == e.Type {
		return "[" + e.Type + "]"
	}
	return "[" + e.Type + ": " + e.Media.Name + "]"
}

// mark is how far an outbound message has come.
func mark(e TranscriptEntry) string {
	if e.Status == "" {
		return ""
	}
	return " (" + strings.ReplaceAll(string(e.Status), "_", " ") + words(oneLine(e.Reason)) + ")"
}

// lineEnds are all that Unicode breaks a line at.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// indented keeps the lines of a text, and no control character that a terminal would obey.
func indented(text string) string { return strings.ReplaceAll(plain(text), "\n", indent) }

func oneLine(text string) string { return strings.ReplaceAll(plain(text), "\n", " ") }

func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.TrimSpace(lineEnds.Replace(text)))
}
