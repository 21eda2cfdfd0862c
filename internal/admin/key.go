package admin

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

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
	if err := checkOwners(ctx, dbsqlc.New(a.DB), account, k); err != nil {
		return dbsqlc.APIKey{}, "", err
	}
	return a.insertKey(ctx, dbsqlc.New(a.DB), account, k)
}

func (a Admin) insertKey(ctx context.Context, q *dbsqlc.Queries, account handoff.ID, k NewKey) (dbsqlc.APIKey, string, error) {
	key, id := apikey.New(), handoff.NewID()
	a.made("api_key", account, id)
	row, err := q.APIKeyInsert(ctx, dbsqlc.APIKeyInsertParams{
		ID: id, AccountID: account, Name: k.Name, Scope: k.Scope, Prefix: key.Prefix, Hash: key.Hash,
		InboxID: k.InboxID, AgentID: k.AgentID, ExpiresAt: k.ExpiresAt,
	})
	return row, key.Text, err
}

// How long a key that was rotated is still taken: by default, and at most.
const (
	DefaultKeyGrace = 24 * time.Hour
	MaxKeyGrace     = 7 * 24 * time.Hour
)

// RotateKey makes another key of the same name, scope, binding and end, and gives its text, which is stored nowhere. Both are taken
// until the grace is over; nil is DefaultKeyGrace.
func (a Admin) RotateKey(ctx context.Context, account, id handoff.ID, grace *time.Duration) (dbsqlc.APIKey, string, error) {
	left := DefaultKeyGrace
	set(&left, grace)
	var c check
	c.within("grace_seconds", int(left.Seconds()), 0, int(MaxKeyGrace.Seconds()))
	if err := c.err(); err != nil {
		return dbsqlc.APIKey{}, "", err
	}
	var row dbsqlc.APIKey
	var text string
	err := db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		old, err := q.APIKeyLock(ctx, dbsqlc.APIKeyLockParams{AccountID: account, ID: id})
		if err != nil {
			return db.NotFound(err, "API key")
		}
		now := a.now()
		if old.RevokedAt != nil || (old.ExpiresAt != nil && !now.Before(*old.ExpiresAt)) {
			return handoff.Errorf(handoff.CodeConflict, "this API key is revoked or expired: create a new one")
		}
		if old.ReplacedBy != nil {
			return handoff.Errorf(handoff.CodeConflict, "this API key was rotated already: rotate %s, which has replaced it", old.ReplacedBy)
		}
		row, text, err = a.insertKey(ctx, q, account, NewKey{
			Name: old.Name, Scope: old.Scope, InboxID: old.InboxID, AgentID: old.AgentID, ExpiresAt: old.ExpiresAt,
		})
		if err != nil {
			return err
		}
		end := now.Add(left)
		return q.APIKeyReplace(ctx, dbsqlc.APIKeyReplaceParams{AccountID: account, ID: id, ReplacedBy: &row.ID, ExpiresAt: &end})
	})
	return row, text, err
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
