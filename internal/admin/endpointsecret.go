package admin

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/secretbox"
	"handoff/internal/signature"
)

const (
	// maxOldSecrets keeps the signature header short: a signature is sent for each (Svix keeps ten, too).
	maxOldSecrets = 10
	defaultGrace  = 24 * time.Hour
	maxGrace      = 7 * 24 * time.Hour
)

// Rotation is how an endpoint gets another secret.
type Rotation struct {
	// Secret is the new one, whsec_… or whsk_…. One is generated if it is absent.
	Secret *string
	// KeyType is what is generated, KeyHMAC or KeyEd25519; the former if it is absent.
	KeyType *string
	// GraceSeconds is for how long webhooks are signed with the secret of before as well; a day if it is absent.
	GraceSeconds *int
}

func (r Rotation) grace() (time.Duration, error) {
	if r.GraceSeconds == nil {
		return defaultGrace, nil
	}
	var c check
	c.within("grace_seconds", *r.GraceSeconds, 0, int(maxGrace.Seconds()))
	return time.Duration(*r.GraceSeconds) * time.Second, c.err()
}

// RotateSecret gives an endpoint another secret and gives that, which is not shown again; nothing for a private key, whose public half is
// all that a receiver needs. Webhooks are signed with the secret of before as well until its grace is over.
func (a Admin) RotateSecret(ctx context.Context, account, id handoff.ID, r Rotation) (dbsqlc.Endpoint, string, error) {
	var row dbsqlc.Endpoint
	grace, err := r.grace()
	if err != nil {
		return row, "", err
	}
	secret, err := newSecret(r.Secret, r.KeyType)
	if err != nil {
		return row, "", err
	}
	err = db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		row, err = q.EndpointLock(ctx, dbsqlc.EndpointLockParams{AccountID: account, ID: id})
		if err != nil {
			return db.NotFound(err, "endpoint")
		}
		if row.Transport != handoff.TransportWebhook {
			return handoff.Errorf(handoff.CodeConflict, "%s, and has no secret of its own", ofItsInbox)
		}
		if err := a.retireSecret(ctx, q, row, secret, grace); err != nil {
			return err
		}
		sealed, err := a.seal(secret.Reveal(), secretbox.EndpointSecret(account, id))
		if err != nil {
			return err
		}
		row, err = q.EndpointSetSecret(ctx, dbsqlc.EndpointSetSecretParams{AccountID: account, ID: id, Secret: sealed})
		return err
	})
	return row, shown(secret), err
}

// retireSecret keeps an endpoint's current secret among its old ones for as long as the grace is.
func (a Admin) retireSecret(ctx context.Context, q *dbsqlc.Queries, row dbsqlc.Endpoint, next signature.Secret, grace time.Duration) error {
	now := a.now()
	old, err := q.EndpointSecretList(ctx, dbsqlc.EndpointSecretListParams{EndpointIds: []handoff.ID{row.ID}, Now: now})
	if err != nil {
		return err
	}
	sealed := make([][]byte, 0, len(old))
	for _, one := range old {
		sealed = append(sealed, one.Secret)
	}
	secrets, err := OpenSecrets(a.Box, row, sealed)
	if err != nil {
		return err
	}
	if same(secrets[0], next) {
		return invalid("secret", errors.New("this secret is the endpoint's already: give another one, or leave it out to have one generated"))
	}
	// Somebody goes back to an old one: each signs once.
	if i := slices.IndexFunc(secrets, func(s signature.Secret) bool { return same(s, next) }); i > 0 {
		if err := q.EndpointSecretDelete(ctx, old[i-1].ID); err != nil {
			return err
		}
		old = slices.Delete(old, i-1, i)
	}
	if grace == 0 {
		return nil
	}
	if len(old) >= maxOldSecrets {
		first := slices.MinFunc(old, func(a, b dbsqlc.EndpointSecret) int { return a.ExpiresAt.Compare(b.ExpiresAt) })
		return handoff.Errorf(handoff.CodeConflict, "webhooks are signed with %d earlier secrets already, which is the most: wait until %s, when the "+
			"first of them expires, or give grace_seconds 0, which ends the current one at once", maxOldSecrets, first.ExpiresAt.UTC().Format(time.RFC3339))
	}
	again, err := a.seal(secrets[0].Reveal(), secretbox.OldEndpointSecret(row.AccountID, row.ID))
	if err != nil {
		return err
	}
	return q.EndpointSecretInsert(ctx, dbsqlc.EndpointSecretInsertParams{
		ID: handoff.NewID(), AccountID: row.AccountID, EndpointID: row.ID, Secret: again, CreatedAt: now, ExpiresAt: now.Add(grace),
	})
}

func same(a, b signature.Secret) bool {
	return subtle.ConstantTimeCompare([]byte(a.Reveal()), []byte(b.Reveal())) == 1
}

// newSecret is the one that was given, or a new one of the kind that was asked for.
func newSecret(given, keyType *string) (signature.Secret, error) {
	var c check
	switch {
	case given != nil && keyType != nil:
		c.fault("key_type", "key_type says what is generated, and a secret is given: leave one of the two out")
	case given != nil:
		secret, err := signature.ParseSecret(*given)
		if err != nil {
			return secret, invalid("secret", err)
		}
		return secret, nil
	case keyType == nil || *keyType == KeyHMAC:
		return signature.GenerateSecret(), nil
	case *keyType == KeyEd25519:
		return signature.GeneratePrivateKey(), nil
	default:
		c.choice("key_type", *keyType, KeyHMAC, KeyEd25519)
	}
	return signature.Secret{}, c.err()
}

// shown is what whoever makes a secret gets to see. A private key stays here: its public half is always there to be read.
func shown(secret signature.Secret) string {
	if _, private := secret.Public(); private {
		return ""
	}
	return secret.Reveal()
}

// Opener opens what is sealed.
type Opener interface {
	Open(sealed []byte, place secretbox.AssociatedData) ([]byte, error)
}

// OpenSecrets gives the secrets that an endpoint's webhooks are signed with: the current one, then the sealed old ones as given.
func OpenSecrets(box Opener, row dbsqlc.Endpoint, old [][]byte) ([]signature.Secret, error) {
	secrets := make([]signature.Secret, 0, 1+len(old))
	for i, sealed := range append([][]byte{row.Secret}, old...) {
		place := secretbox.EndpointSecret(row.AccountID, row.ID)
		if i > 0 {
			place = secretbox.OldEndpointSecret(row.AccountID, row.ID)
		}
		plain, err := box.Open(sealed, place)
		if err != nil {
			return nil, fmt.Errorf("open a secret of endpoint %s: %w", row.ID, err)
		}
		secret, err := signature.ParseSecret(string(plain))
		if err != nil {
			return nil, fmt.Errorf("read a secret of endpoint %s: %w", row.ID, err)
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

// PublicKey gives the key with which receivers verify an endpoint's webhooks, whpk_…; empty where they do by a shared secret.
func PublicKey(box Opener, row dbsqlc.Endpoint) (string, error) {
	if row.Transport != handoff.TransportWebhook {
		return "", nil
	}
	secrets, err := OpenSecrets(box, row, nil)
	if err != nil {
		return "", err
	}
	public, _ := secrets[0].Public()
	return public.String(), nil
}
