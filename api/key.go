package api

import (
	"context"
	"net/http"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

// Key is what is known of a key; the key itself is not.
type Key struct {
	ID         handoff.ID    `json:"id" format:"uuid"`
	Name       string        `json:"name"`
	Scope      handoff.Scope `json:"scope" enum:"gateway,agent,admin"`
	Prefix     string        `json:"prefix" doc:"The public part, by which you know the key."`
	InboxID    *handoff.ID   `json:"inbox_id,omitempty" format:"uuid"`
	AgentID    *handoff.ID   `json:"agent_id,omitempty" format:"uuid"`
	CreatedAt  time.Time     `json:"created_at"`
	ExpiresAt  *time.Time    `json:"expires_at,omitempty"`
	RevokedAt  *time.Time    `json:"revoked_at,omitempty"`
	LastUsedAt *time.Time    `json:"last_used_at,omitempty" doc:"To the minute."`
	ReplacedBy *handoff.ID   `json:"replaced_by,omitempty" format:"uuid" doc:"The key that a rotation has made. This one is taken until expires_at."`
	Key        string        `json:"key,omitempty" doc:"In the answer that creates the key and never again."`
}

type createKeyBody struct {
	Name      string        `json:"name" minLength:"1" maxLength:"200"`
	Scope     handoff.Scope `json:"scope" enum:"gateway,agent,admin"`
	InboxID   *handoff.ID   `json:"inbox_id,omitempty" format:"uuid" doc:"Binds a gateway's key to one inbox."`
	AgentID   *handoff.ID   `json:"agent_id,omitempty" format:"uuid" doc:"Who acts with the key; needed for the scope agent."`
	ExpiresAt *time.Time    `json:"expires_at,omitempty"`
}

type createKeyInput struct {
	Idempotent
	Body createKeyBody
}

type rotateKeyBody struct {
	GraceSeconds *int `json:"grace_seconds,omitempty" minimum:"0" maximum:"604800" default:"86400" doc:"For how long the key of before is still taken; 0 ends it at once."`
}

type rotateKeyInput struct {
	ByID
	Idempotent
	Body *rotateKeyBody `required:"false"`
}

func (s *server) keyRoutes() {
	handle(s, operation{
		id: "create-api-key", method: http.MethodPost, path: "/v1/api-keys", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Create an API key", description: "The answer shows the key, this once.", status: http.StatusCreated, atomic: true,
	}, s.createKey)
	handle(s, operation{
		id: "list-api-keys", method: http.MethodGet, path: "/v1/api-keys", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "List API keys",
	}, s.listKeys)
	handle(s, operation{
		id: "revoke-api-key", method: http.MethodDelete, path: "/v1/api-keys/{id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Revoke an API key", description: "It is refused at once by the server that answers, and within a second by every other.", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, s.revokeKey)
	handle(s, operation{
		id: "rotate-api-key", method: http.MethodPost, path: "/v1/api-keys/{id}/rotate", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Rotate an API key", status: http.StatusCreated, atomic: true, errors: []int{http.StatusNotFound},
		description: "Makes a key of the same name, scope and binding, and shows it, this once. The key of before is taken as well until its grace " +
			"is over, so that programs can be given the new one one after the other.",
	}, s.rotateKey)
}

func (s *server) createKey(ctx context.Context, in *createKeyInput) (*output[Key], error) {
	row, text, err := s.admin(ctx).CreateKey(ctx, keyOf(ctx).AccountID, admin.NewKey{
		Name: in.Body.Name, Scope: in.Body.Scope, InboxID: in.Body.InboxID, AgentID: in.Body.AgentID, ExpiresAt: in.Body.ExpiresAt,
	})
	view := keyView(row)
	view.Key = text
	return &output[Key]{view}, err
}

func (s *server) listKeys(ctx context.Context, in *listInput) (*listOutput[Key], error) {
	return pageByID(in.Page, "api-keys", func(row dbsqlc.APIKey) handoff.ID { return row.ID }, keyView,
		func(after handoff.ID, limit int32) ([]dbsqlc.APIKey, error) {
			return s.queries(ctx).APIKeyList(ctx, dbsqlc.APIKeyListParams{AccountID: keyOf(ctx).AccountID, AfterID: after, RowLimit: limit})
		})
}

func (s *server) revokeKey(ctx context.Context, in *ByID) (*none, error) {
	defer s.afterCommit(ctx, s.keys.forget)
	return nil, s.admin(ctx).RevokeKey(ctx, keyOf(ctx).AccountID, in.ID)
}

func (s *server) rotateKey(ctx context.Context, in *rotateKeyInput) (*output[Key], error) {
	var grace *time.Duration
	if in.Body != nil && in.Body.GraceSeconds != nil {
		given := time.Duration(*in.Body.GraceSeconds) * time.Second
		grace = &given
	}
	defer s.afterCommit(ctx, s.keys.forget)
	row, text, err := s.admin(ctx).RotateKey(ctx, keyOf(ctx).AccountID, in.ID, grace)
	view := keyView(row)
	view.Key = text
	return &output[Key]{view}, err
}

func keyView(row dbsqlc.APIKey) Key {
	return Key{
		ID: row.ID, Name: row.Name, Scope: row.Scope, Prefix: row.Prefix, InboxID: row.InboxID, AgentID: row.AgentID,
		CreatedAt: row.CreatedAt.UTC(), ExpiresAt: utc(row.ExpiresAt), RevokedAt: utc(row.RevokedAt), LastUsedAt: utc(row.LastUsedAt),
		ReplacedBy: row.ReplacedBy,
	}
}
