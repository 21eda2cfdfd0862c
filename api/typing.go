package api

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/secretbox"
)

const (
	// typingEvery is how often a conversation's typing is shown at most. WhatsApp shows it for 25 s; clients report each key.
	typingEvery = 5 * time.Second
	// typingWithin bounds the call: after that it would show something that is over.
	typingWithin = 3 * time.Second
	maxTyping    = 10_000
)

type typingAnswer struct {
	Shown  bool   `json:"shown" doc:"The contact is shown it, or was within the last 5 seconds."`
	Reason string `json:"reason,omitempty" doc:"Why not."`
}

func (s *server) typingRoutes() {
	handle(s, operation{
		id: "show-typing", method: http.MethodPost, path: "/v1/conversations/{id}/typing", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Show the contact that somebody is writing", errors: []int{http.StatusNotFound}, atomic: true,
		description: "Send it as often as you like while the agent writes: WhatsApp is told at most once in 5 seconds, and shows it for 25 seconds or " +
			"until the message comes. Nothing waits for it, and nothing tells whether it arrived. It takes an inbox with `typing_indicators` that has " +
			"an access token for WhatsApp; without, nothing happens and the answer says why. WhatsApp marks the contact's latest message as read with it.",
	}, s.showTyping)
}

func (s *server) showTyping(ctx context.Context, in *actInput) (*output[typingAnswer], error) {
	row, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	actor, err := s.actor(ctx, agentOf(in.Body))
	if err != nil {
		return nil, err
	}
	inbox, err := s.queries(ctx).InboxGetAny(ctx, row.Conversation.InboxID)
	if err != nil {
		return nil, err
	}
	control, err := s.controlOf(ctx, row)
	if err != nil {
		return nil, err
	}
	if err := control.CheckWrite(actor); err != nil {
		return nil, err
	}
	reason, err := s.typing(ctx, row.Conversation, inbox, control)
	return &output[typingAnswer]{typingAnswer{Shown: reason == "", Reason: reason}}, err
}

// typing starts the call, or gives the reason for which there is none.
func (s *server) typing(ctx context.Context, conv dbsqlc.Conversation, inbox dbsqlc.Inbox, control handoff.Control) (string, error) {
	if !inbox.TypingIndicators {
		return "the inbox does not show its contacts that somebody is writing: switch typing_indicators on", nil
	}
	if control.CheckWindow("text", s.Now()) != nil {
		return "the 24-hour service window is closed", nil
	}
	endpoint, err := s.graphEndpoint(ctx, inbox)
	if handoff.ErrorCode(err) == handoff.CodeConflict || s.Typing == nil {
		return "the inbox has no access token for WhatsApp: its gateway would have to show it, and there is no way to tell it", nil
	}
	if err != nil {
		return "", err
	}
	if endpoint.State == handoff.EndpointDisabled {
		return "the inbox's way to WhatsApp is disabled", nil
	}
	wamid, err := s.queries(ctx).MessageLatestOfContact(ctx, &conv.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return "the contact has written nothing in this conversation that WhatsApp could show it for", nil
	}
	if err != nil {
		return "", err
	}
	token, err := s.Box.Open(inbox.AccessToken, secretbox.AccessToken(inbox.AccountID, inbox.ID))
	if err != nil {
		return "", err
	}
	if !s.typed.due(conv.ID, s.Now()) {
		return "", nil
	}
	after := context.WithoutCancel(ctx)
	go func() {
		after, cancel := context.WithTimeout(after, typingWithin)
		defer cancel()
		if err := s.Typing(after, string(token), inbox.PhoneNumberID, wamid); err != nil {
			s.Log.DebugContext(after, "typing not shown", "inbox_id", inbox.ID, "error", err)
		}
	}()
	return "", nil
}

// typed remembers when typing was shown last, for each conversation.
type typed struct {
	mu sync.Mutex
	at map[handoff.ID]time.Time
}

// due tells whether it is time to show it again, and takes it for shown.
func (t *typed) due(conversation handoff.ID, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.at[conversation]) < typingEvery {
		return false
	}
	if len(t.at) >= maxTyping || t.at == nil {
		t.at = map[handoff.ID]time.Time{}
	}
	t.at[conversation] = now
	return true
}
