package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

const (
	minScore, maxScore = 1, 5
	maxComment         = 1000
	// ratingOpen is how long a rating can be changed.
	ratingOpen = 24 * time.Hour
)

// By which way a rating came.
const (
	viaGateway = "gateway"
	viaLink    = "link"
)

// Rating is what a contact says of a conversation.
type Rating struct {
	ConversationID handoff.ID `json:"conversation_id" format:"uuid"`
	InboxID        handoff.ID `json:"inbox_id" format:"uuid"`
	Agent          *AgentRef  `json:"agent,omitempty" doc:"Who had the conversation when it was rated."`
	Score          int16      `json:"score" minimum:"1" maximum:"5" doc:"5 is the best."`
	Comment        string     `json:"comment,omitempty"`
	Via            string     `json:"via" enum:"link,gateway" doc:"How it came: by the survey's link, or from the gateway."`
	GivenAt        time.Time  `json:"given_at"`
	UpdatedAt      time.Time  `json:"updated_at" doc:"A rating can be changed for 24 hours."`
}

type ratingContact struct {
	ID    string `json:"id,omitempty" maxLength:"512" doc:"Your id of the contact."`
	Phone string `json:"phone,omitempty" maxLength:"30" pattern:"^[+]?[0-9 ().-]{5,30}$" doc:"With country code."`
	BSUID string `json:"bsuid,omitempty" maxLength:"512" doc:"WhatsApp's business-scoped user id."`
}

type addRatingInput struct {
	ByID
	Idempotent
	Body struct {
		ConversationID *handoff.ID    `json:"conversation_id,omitempty" format:"uuid" doc:"Either this, or contact."`
		Contact        *ratingContact `json:"contact,omitempty" doc:"Whose latest conversation in the inbox is meant."`
		Score          int16          `json:"score" minimum:"1" maximum:"5" doc:"5 is the best."`
		Comment        string         `json:"comment,omitempty" maxLength:"1000"`
	}
}

func (s *server) ratingRoutes() {
	handle(s, operation{
		id: "add-rating", method: http.MethodPost, path: "/v1/inboxes/{id}/ratings", tag: "Gateway", scope: handoff.ScopeGateway,
		summary: "Rate a conversation", status: http.StatusCreated, errors: []int{http.StatusNotFound}, atomic: true,
		description: "For gateways that ask their customers themselves. A second rating of the conversation changes the first one, for 24 hours; " +
			"after that it is refused with 409.",
	}, s.addRating)
	handle(s, operation{
		id: "get-rating", method: http.MethodGet, path: "/v1/conversations/{id}/rating", tag: ratingTag, scope: handoff.ScopeAgent,
		summary: "Get a conversation's rating", description: "404 until the contact has rated it.", errors: []int{http.StatusNotFound},
	}, s.getRating)
	handle(s, operation{
		id: "list-ratings", method: http.MethodGet, path: "/v1/ratings", tag: ratingTag, scope: handoff.ScopeAgent,
		summary: "List ratings", description: "The latest first.",
	}, s.listRatings)
	handle(s, operation{
		id: "summarize-ratings", method: http.MethodGet, path: "/v1/ratings/summary", tag: ratingTag, scope: handoff.ScopeAgent,
		summary: "Summarize ratings", description: "How many there are, their average, and how they spread over scores and agents.",
	}, s.summarizeRatings)
	s.surveyRoutes()
}

func (s *server) addRating(ctx context.Context, in *addRatingInput) (*output[Rating], error) {
	k := keyOf(ctx)
	if k.InboxID != nil && *k.InboxID != in.ID {
		return nil, handoff.Errorf(handoff.CodeForbidden, "this key is bound to another inbox than the one that the address names")
	}
	inbox, err := s.queries(ctx).InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: k.AccountID, ID: in.ID})
	if err != nil {
		return nil, db.NotFound(err, "inbox")
	}
	conversation, err := s.ratedConversation(ctx, inbox, in)
	if err != nil {
		return nil, err
	}
	given := newRating{account: k.AccountID, conversation: conversation, score: in.Body.Score, comment: in.Body.Comment, via: viaGateway}
	if err := s.rate(ctx, given); err != nil {
		return nil, err
	}
	return s.ratingOutput(ctx, k.AccountID, conversation)
}

// ratedConversation is the one that the gateway means: the one that it names, or the contact's latest.
func (s *server) ratedConversation(ctx context.Context, inbox dbsqlc.Inbox, in *addRatingInput) (handoff.ID, error) {
	id, contact := in.Body.ConversationID, in.Body.Contact
	if (id == nil) == (contact == nil) {
		return handoff.ID{}, fieldError("body.conversation_id", "say which conversation: by conversation_id, or by contact")
	}
	if id != nil {
		conv, err := s.queries(ctx).ConversationGet(ctx, dbsqlc.ConversationGetParams{AccountID: inbox.AccountID, ID: *id})
		if errors.Is(err, pgx.ErrNoRows) || (err == nil && conv.InboxID != inbox.ID) {
			return handoff.ID{}, fieldError("body.conversation_id", "it names no conversation of this inbox")
		}
		return *id, err
	}
	phone := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, contact.Phone)
	for _, identity := range []struct {
		kind   handoff.IdentityKind
		values []string
	}{
		{handoff.IdentityBSUID, []string{contact.BSUID}},
		{handoff.IdentitySession, []string{contact.ID}},
		{handoff.IdentityPhone, handoff.PhoneVariants(phone)},
	} {
		found, err := s.queries(ctx).RatingTarget(ctx, dbsqlc.RatingTargetParams{
			AccountID: inbox.AccountID, InboxID: inbox.ID, Kind: identity.kind, IdentityValues: identity.values,
		})
		if !errors.Is(err, pgx.ErrNoRows) {
			return found, err
		}
	}
	return handoff.ID{}, fieldError("body.contact", "no conversation of this contact is known in this inbox")
}

type newRating struct {
	account, conversation handoff.ID
	score                 int16
	comment, via          string
}

// rate writes a contact's rating down, or changes it. Its event has no comment: events go further than what people write.
func (s *server) rate(ctx context.Context, r newRating) error {
	if r.score < minScore || r.score > maxScore {
		return fieldError("score", "it has to be a number from 1 to 5")
	}
	comment := strings.TrimSpace(strings.ReplaceAll(r.comment, "\r\n", "\n"))
	if utf8.RuneCountInString(comment) > maxComment || strings.ContainsRune(comment, 0) {
		return fieldError("comment", "it has at most 1000 characters, and no NUL")
	}
	now := s.Now()
	return s.perform(ctx, deed{
		account: r.account, conversation: r.conversation, kind: handoff.EventRated, author: handoff.AuthorContact,
		do: func(ctx context.Context, q *dbsqlc.Queries, conv dbsqlc.Conversation) (any, error) {
			was, err := q.RatingGet(ctx, dbsqlc.RatingGetParams{AccountID: r.account, ConversationID: conv.ID})
			switch {
			case errors.Is(err, pgx.ErrNoRows):
			case err != nil:
				return nil, err
			case was.Score == r.score && was.Comment == comment:
				return nil, nil
			case !changeable(was, now):
				return nil, handoff.Errorf(handoff.CodeConflict, "the rating was given more than 24 hours ago, and stays as it is")
			}
			_, err = q.RatingSave(ctx, dbsqlc.RatingSaveParams{
				ConversationID: conv.ID, AccountID: conv.AccountID, InboxID: conv.InboxID, AgentID: conv.AssigneeID, Score: r.score, Comment: comment,
				Via: r.via, GivenAt: now,
			})
			return map[string]int16{"score": r.score}, err
		},
	})
}

func changeable(r dbsqlc.Rating, now time.Time) bool { return now.Sub(r.GivenAt) < ratingOpen }

func (s *server) getRating(ctx context.Context, in *ByID) (*output[Rating], error) {
	return s.ratingOutput(ctx, keyOf(ctx).AccountID, in.ID)
}

func (s *server) ratingOutput(ctx context.Context, account, conversation handoff.ID) (*output[Rating], error) {
	row, err := s.queries(ctx).RatingGet(ctx, dbsqlc.RatingGetParams{AccountID: account, ConversationID: conversation})
	if err != nil {
		return nil, db.NotFound(err, "rating")
	}
	var name *string
	if row.AgentID != nil {
		agent, err := s.queries(ctx).AgentGet(ctx, dbsqlc.AgentGetParams{AccountID: account, ID: *row.AgentID})
		if err != nil {
			return nil, err
		}
		name = &agent.Name
	}
	return &output[Rating]{ratingView(row, name)}, nil
}

func ratingView(row dbsqlc.Rating, agentName *string) Rating {
	view := Rating{
		ConversationID: row.ConversationID, InboxID: row.InboxID, Score: row.Score, Comment: row.Comment, Via: row.Via,
		GivenAt: row.GivenAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
	if row.AgentID != nil {
		view.Agent = &AgentRef{ID: *row.AgentID, Name: db.OrEmpty(agentName)}
	}
	return view
}
