package api

import (
	"strings"

	"handoff/internal/searchindex"
)

// contactTag and the others are where the reference shows routes of the desk.
const (
	contactTag    = "Contacts"
	quickReplyTag = "Quick replies"
	ratingTag     = "Ratings"
)

// actInput is a command about a conversation that says nothing but who gives it.
type actInput struct {
	ByID
	Idempotent
	Body *Acting `required:"false"`
}

// deskRoutes are what agents use beside the conversation itself.
func (s *server) deskRoutes() {
	for _, declare := range []func(){
		s.mentionRoutes, s.tagRoutes, s.attributeRoutes, s.contactRoutes, s.quickReplyRoutes, s.ratingRoutes, s.readRoutes, s.typingRoutes, s.retryRoutes,
	} {
		declare()
	}
}

// containing is the pattern of what has a text somewhere in it; nil for no text.
func containing(text string) *string {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	pattern := searchindex.Containing(text)
	return &pattern
}
