package api

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/text/language"

	"handoff"
	"handoff/db/dbsqlc"
)

const transcriptPath = "/v1/conversations/:id/transcript"

func (s *server) transcriptRoutes() {
	s.plain(http.MethodGet, transcriptPath, route{scope: handoff.ScopeAgent, stream: true}, s.getTranscript)
}

// transcript is a conversation to be written down, page by page: it may have any length.
type transcript struct {
	s            *server
	conversation dbsqlc.ConversationDetailRow
	view         Conversation
	inbox        string
	zone         *time.Location
	language     string // of the messages; empty if nobody said
	notes        bool
	types        []string
	teams        map[handoff.ID]string
}

func (s *server) getTranscript(c *gin.Context) {
	format, t, err := s.transcript(c)
	if err != nil {
		s.refuse(c, err)
		return
	}
	first := true
	d := s.newDownload(c, format.mediaType, "conversation-"+t.view.ID.String()+"."+format.extension)
	w := format.writer(t, d)
	err = t.pages(c.Request.Context(), func(entries []TranscriptEntry) error {
		if first {
			d.open()
			first = false
			if err := w.head(); err != nil {
				return err
			}
		}
		for _, e := range entries {
			if err := w.entry(e); err != nil {
				return err
			}
		}
		return d.flush()
	})
	if err == nil {
		err = w.foot()
	}
	if err == nil {
		err = d.finish()
	}
	s.downloaded(c, d, err)
}

func (s *server) transcript(c *gin.Context) (transcriptFormat, *transcript, error) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), requestTimeout)
	defer cancel()
	query := c.Request.URL.Query()
	if err := knownParameters(query, "format", "notes", "time_zone", "lang"); err != nil {
		return transcriptFormat{}, nil, err
	}
	format, known := transcriptFormats[cmp.Or(query.Get("format"), "json")]
	if !known {
		return format, nil, badParameter("query.format", "format is none of json, text and html")
	}
	var id handoff.ID
	if err := id.UnmarshalText([]byte(c.Param("id"))); err != nil {
		return format, nil, badParameter("path.id", "the id of a conversation is a UUID")
	}
	row, err := s.findConversation(ctx, id)
	if err != nil {
		return format, nil, err
	}
	views, err := s.conversationViews(ctx, row.Conversation.AccountID, []dbsqlc.ConversationDetailRow{row})
	if err != nil {
		return format, nil, err
	}
	t := &transcript{s: s, conversation: row, view: views[0], teams: map[handoff.ID]string{}}
	if err := t.options(ctx, query); err != nil {
		return format, nil, err
	}
	return format, t, nil
}

func (t *transcript) options(ctx context.Context, query url.Values) error {
	switch query.Get("notes") {
	case "true":
		t.notes = true
	case "", "false":
	default:
		return badParameter("query.notes", "notes is neither true nor false")
	}
	if text := query.Get("lang"); text != "" {
		tag, err := language.Parse(text)
		if err != nil {
			return badParameter("query.lang", "lang is no language tag like de or zh-Hant")
		}
		t.language = tag.String()
	}
	inbox, err := t.s.queries(ctx).InboxGetAny(ctx, t.conversation.Conversation.InboxID)
	if err != nil {
		return err
	}
	t.inbox = inbox.Name
	zone := cmp.Or(query.Get("time_zone"), inbox.TimeZone)
	t.zone, err = time.LoadLocation(zone)
	// The server's own zone says nothing to anybody else.
	if err != nil || zone == "Local" {
		return badParameter("query.time_zone", "time_zone is no name of the IANA database like Europe/Berlin")
	}
	for _, kind := range slices.Concat(happened, []handoff.EventType{
		handoff.EventMessageHistory, handoff.EventMessageReceived, handoff.EventMessageQueued, handoff.EventMessageSent,
	}) {
		t.types = append(t.types, string(kind))
	}
	if t.notes {
		t.types = append(t.types, string(handoff.EventNoteAdded))
	}
	return nil
}

// pages gives the entries in order, at least once. What is written while they are read is not among them, what comes after the end
// apart.
func (t *transcript) pages(ctx context.Context, show func([]TranscriptEntry) error) error {
	c := t.conversation.Conversation
	return t.s.eventPages(ctx, c, t.types, func(ctx context.Context, rows []dbsqlc.Event) error {
		entries, err := t.entries(ctx, rows)
		if err != nil {
			return err
		}
		return show(entries)
	})
}
