package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

// abandonedAfter is when a retry that no command has taken up is one no longer. Its command has been given up by then.
const abandonedAfter = 2 * time.Minute

type retryInput struct {
	ByID
	MessageID handoff.ID `path:"message_id" format:"uuid"`
	Idempotent
	Body *Acting `required:"false"`
}

func (s *server) retryRoutes() {
	handle(s, operation{
		id: "retry-message", method: http.MethodPost, path: "/v1/conversations/{id}/messages/{message_id}/retry", tag: conversationTag,
		scope: handoff.ScopeAgent, summary: "Send a failed message again", status: http.StatusCreated,
		errors: []int{http.StatusNotFound, http.StatusTooManyRequests},
		description: "Makes a new message with the same content, whose `retry_of` is the failed one, which stays as it is. The rules are those of a " +
			"reply: outside the 24-hour service window only templates leave. 409 unless the message is an agent's and has failed, and while a retry " +
			"of it is under way or has left.",
	}, s.retryMessage)
}

func (s *server) retryMessage(ctx context.Context, in *retryInput) (*output[Message], error) {
	conversation, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	failed, err := s.queries(ctx).MessageGet(ctx, dbsqlc.MessageGetParams{AccountID: keyOf(ctx).AccountID, ID: in.MessageID})
	if err == nil && (failed.ConversationID == nil || *failed.ConversationID != in.ID) {
		err = pgx.ErrNoRows
	}
	if err != nil {
		return nil, db.NotFound(err, "message")
	}
	if !retriable(failed) && !commandOf(ctx).Repeated {
		return nil, errNotFailed()
	}
	actor, err := s.actor(ctx, agentOf(in.Body))
	if err != nil {
		return nil, err
	}
	row, err := s.retryOf(ctx, failed, actor)
	if err != nil {
		return nil, err
	}
	allowed := func(c handoff.Control, a handoff.Actor) error { return c.CheckReply(a, row.Type, s.Now()) }
	err = s.carryOut(ctx, conversation, actor, allowed,
		func(ctx context.Context, c workflows.ConversationInput, cmd workflows.CommandInput) error {
			if err := s.insertRetry(ctx, failed, row); err != nil {
				return err
			}
			return s.insertAndReply(ctx, row, c, cmd)
		})
	if err != nil {
		return nil, err
	}
	return s.messageOutput(ctx, row.AccountID, row.ID, conversation.ContactName)
}

func retriable(m dbsqlc.Message) bool {
	return m.AuthorType == handoff.AuthorAgent && m.Status != nil && *m.Status == handoff.MessageFailed
}

func errNotFailed() error {
	return handoff.Errorf(handoff.CodeConflict, "only a message of an agent's that has failed can be sent again")
}

// retryOf is the new message. Its id is that of the command, so that a repeated request finds it.
func (s *server) retryOf(ctx context.Context, failed dbsqlc.Message, actor handoff.Actor) (dbsqlc.MessageInsertOutboundParams, error) {
	row := dbsqlc.MessageInsertOutboundParams{
		ID: commandOf(ctx).ID, AccountID: failed.AccountID, InboxID: failed.InboxID, ContactID: failed.ContactID, AuthorType: actor.AuthorType(),
		AuthorID: actor.AgentID(), Type: failed.Type, Text: failed.Text, Content: failed.Content, MediaID: failed.MediaID, ReplyTo: failed.ReplyTo,
		CreatedAt: s.Now(),
	}
	if actor.Agent != nil {
		row.AuthorName = &actor.Agent.Name
	}
	if failed.MediaID == nil {
		return row, nil
	}
	var err error
	row.Content, err = s.freshContent(ctx, failed)
	return row, err
}

// freshContent has a link that works again: the one of the failed message may have expired.
func (s *server) freshContent(ctx context.Context, failed dbsqlc.Message) (json.RawMessage, error) {
	var object linkObject
	if err := json.Unmarshal(failed.Content, &object); err != nil {
		return nil, err
	}
	body := &sendBody{Type: failed.Type, MediaID: failed.MediaID, Caption: object.Caption, Filename: object.Filename}
	return s.fileContent(ctx, failed.AccountID, body, []byte(`{}`))
}

// insertRetry makes the row, if the failed message may be retried. The contact's row is locked for it, so that of two retries at once
// one comes first, and no command takes a row up while it is looked at.
func (s *server) insertRetry(ctx context.Context, failed dbsqlc.Message, row dbsqlc.MessageInsertOutboundParams) error {
	return db.InTx(ctx, s.db(ctx), func(_ pgx.Tx, q *dbsqlc.Queries) error {
		if _, err := q.WakeLock(ctx, dbsqlc.WakeLockParams{InboxID: failed.InboxID, ContactID: failed.ContactID}); err != nil {
			return err
		}
		retries, err := q.MessageListRetries(ctx, dbsqlc.MessageListRetriesParams{AccountID: failed.AccountID, RetryOf: &failed.ID})
		if err != nil {
			return err
		}
		for _, retry := range retries {
			switch {
			case retry.ID == row.ID:
				return nil // the same request made it before
			case retry.AppliedAt == nil && s.Now().Sub(retry.CreatedAt) > abandonedAfter:
				if err := q.MessageDeleteUnapplied(ctx, dbsqlc.MessageDeleteUnappliedParams{AccountID: retry.AccountID, ID: retry.ID}); err != nil {
					return err
				}
			case retry.Status == nil || *retry.Status != handoff.MessageFailed:
				return handoff.Errorf(handoff.CodeConflict, "a retry of this message is under way, or has left: it is message %s", retry.ID)
			}
		}
		if failed, err = q.MessageLock(ctx, failed.ID); err != nil {
			return err
		}
		if !retriable(failed) {
			return errNotFailed()
		}
		_, err = q.MessageInsertRetry(ctx, dbsqlc.MessageInsertRetryParams{
			ID: row.ID, AccountID: row.AccountID, InboxID: row.InboxID, ContactID: row.ContactID, AuthorType: row.AuthorType, AuthorID: row.AuthorID,
			AuthorName: row.AuthorName, Type: row.Type, Text: row.Text, Content: row.Content, MediaID: row.MediaID, ReplyTo: row.ReplyTo,
			RetryOf: &failed.ID, CreatedAt: row.CreatedAt,
		})
		return err
	})
}
