package admin

import (
	"context"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/apikey"
)

// NewKey is what an API key is given.
type NewKey struct {
	Name  string
	Scope handoff.Scope
	// InboxID binds a gateway's key to one inbox.
	InboxID *handoff.ID
	// AgentID is who an agent's key acts for.
	AgentID   *handoff.ID
	ExpiresAt *time.Time
}

// CreateKey makes an API key and gives its text, which is stored nowhere.
func (a Admin) CreateKey(ctx context.Context, account handoff.ID, k NewKey) (dbsqlc.APIKey, string, error) {
	if err := checkKey(&k); err != nil {
		return dbsqlc.APIKey{}, "", err
	}
	q := dbsqlc.New(a.DB)
	if err := checkOwners(ctx, q, account, k); err != nil {
		return dbsqlc.APIKey{}, "", err
	}
	key := apikey.New()
	row, err := q.APIKeyInsert(ctx, dbsqlc.APIKeyInsertParams{
		ID: handoff.NewID(), AccountID: account, Name: k.Name, Scope: k.Scope, Prefix: key.Prefix, Hash: key.Hash,
		InboxID: k.InboxID, AgentID: k.AgentID, ExpiresAt: k.ExpiresAt,
	})
	return row, key.Text, err
}

// checkOwners finds the inbox and the agent of a key in its account.
func checkOwners(ctx context.Context, q *dbsqlc.Queries, account handoff.ID, k NewKey) error {
	var c check
	if k.InboxID != nil {
		_, err := q.InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: account, ID: *k.InboxID})
		if err = db.NotFound(err, "inbox"); handoff.ErrorCode(err) == handoff.CodeNotFound {
			c.fault("inbox_id", "inbox_id names no inbox of this account")
		} else if err != nil {
			return err
		}
	}
	if k.AgentID != nil {
		_, err := q.AgentGet(ctx, dbsqlc.AgentGetParams{AccountID: account, ID: *k.AgentID})
		if err = db.NotFound(err, "agent"); handoff.ErrorCode(err) == handoff.CodeNotFound {
			c.fault("agent_id", "agent_id names no agent of this account")
		} else if err != nil {
			return err
		}
	}
	return c.err()
}

// RevokeKey ends an API key. It is refused at once here, and within a second by other processes.
func (a Admin) RevokeKey(ctx context.Context, account, id handoff.ID) error {
	revoked, err := dbsqlc.New(a.DB).APIKeyRevoke(ctx, dbsqlc.APIKeyRevokeParams{AccountID: account, ID: id})
	if err == nil && revoked == 0 {
		return handoff.Errorf(handoff.CodeNotFound, "there is no such API key, or it is revoked already")
	}
	return err
}

func checkKey(k *NewKey) error {
	var c check
	k.Name = c.name(k.Name)
	switch k.Scope {
	case handoff.ScopeAgent:
		if k.AgentID == nil {
			c.fault("agent_id", "an agent's key needs agent_id: it says who acts with it")
		}
	case handoff.ScopeGateway, handoff.ScopeAdmin:
		if k.AgentID != nil {
			c.fault("agent_id", "agent_id belongs to keys of the scope agent only: leave it out")
		}
	default:
		c.fault("scope", "there is no scope %q: use %s, %s or %s", string(k.Scope), handoff.ScopeGateway, handoff.ScopeAgent, handoff.ScopeAdmin)
	}
	if k.InboxID != nil && k.Scope != handoff.ScopeGateway {
		c.fault("inbox_id", "inbox_id belongs to keys of the scope gateway only: leave it out")
	}
	if k.ExpiresAt != nil && !k.ExpiresAt.After(time.Now()) {
		c.fault("expires_at", "expires_at has passed: give a time to come, or leave it out")
	}
	return c.err()
}
