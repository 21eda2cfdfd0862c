package recipes_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/secretbox"
	"handoff/internal/signature"
)

// What the product sends is what the recipes take: an agent's message, its repeat after a 503, and its re-send by hand.
func TestDelivery_52_RecipesTakeWhatTheProductSends(t *testing.T) {
	t.Parallel()
	eachRecipe(t, func(t subject) {
		key := signature.GenerateSecret()
		receiver := t.start(t.T, key.Reveal())
		s := newScene(t.T, receiver.url, key)

		s.reply("Hi John 👋, it is <b>done</b>")
		finished, err := s.deliver()
		require.NoError(t, err)
		require.Equal(t, 1, finished)
		sent := s.delivery()
		require.Equal(t, handoff.DeliveryDelivered, sent.State)
		require.Equal(t, handled{
			ID: sent.WebhookID, Event: "outbound_message", Conversation: s.conversation().ID.String(), Sequence: *sent.Seq, Attempt: 1,
			Body: string(sent.Body),
		}, receiver.next())
		require.Contains(t, string(sent.Body), "Hi John 👋")

		rows, err := dbsqlc.New(s.World.DB).DeliveryRequest(context.Background(), dbsqlc.DeliveryRequestParams{AccountID: s.Account.ID, ID: sent.ID})
		require.NoError(t, err)
		require.EqualValues(t, 1, rows)
		_, err = s.deliver()
		require.NoError(t, err)
		require.EqualValues(t, 2, s.delivery().Attempts, "it was sent again by hand")

		inbox := filepath.Join(receiver.dir, "webhooks")
		require.NoError(t, os.Rename(inbox, inbox+"-away"))
		s.reply("Anything else?")
		_, err = s.deliver()
		require.GreaterOrEqual(t, s.waits(err), 30*time.Second, "Retry-After is kept, though the schedule has 5 s")
		require.NoError(t, os.Rename(inbox+"-away", inbox))
		s.now = s.now.Add(4 * time.Minute) // within the tolerance of the recipe's clock
		_, err = s.deliver()
		require.NoError(t, err)
		second := receiver.next()
		require.Equal(t, s.delivery().WebhookID, second.ID, "and nothing was worked on twice")
		require.Equal(t, 2, second.Attempt)
		require.Greater(t, second.Sequence, *sent.Seq)
	})
}

func TestDelivery_52_RecipesVerifyTheProductsEd25519(t *testing.T) {
	t.Parallel()
	eachRecipe(t, func(t subject) {
		if !t.ed25519 {
			t.Skipf("%s has no ed25519 in its standard library", t.language)
		}
		private := signature.GeneratePrivateKey()
		receiver := t.start(t.T, publicKey(t.T, private))
		s := newScene(t.T, receiver.url, private)
		s.reply("Hi John")
		_, err := s.deliver()
		require.NoError(t, err)
		require.Equal(t, s.delivery().WebhookID, receiver.next().ID)
	})
}

func TestDelivery_52_RecipesStopTheProduct(t *testing.T) {
	t.Parallel()
	eachRecipe(t, func(t subject) {
		key := signature.GenerateSecret()
		receiver := t.start(t.T, key.Reveal(), "STOP=1")
		s := newScene(t.T, receiver.url, key)
		s.reply("Hi John")
		_, err := s.deliver()
		require.NoError(t, err)
		state := s.EndpointState(t, s.endpoint.ID)
		require.Equal(t, handoff.EndpointDisabled, state.State)
		require.Equal(t, "gone", state.Reason)
		require.Equal(t, handoff.DeliveryHeld, s.delivery().State)
	})
}

func TestDelivery_52_RecipesVerifyTheProductsRotation(t *testing.T) {
	t.Parallel()
	eachRecipe(t, func(t subject) {
		current, old := signature.GenerateSecret(), []signature.Secret{signature.GenerateSecret(), signature.GenerateSecret()}
		for _, known := range old {
			receiver := t.start(t.T, known.Reveal())
			s := newScene(t.T, receiver.url, current)
			for _, secret := range old {
				sealed, err := s.World.Box.Seal([]byte(secret.Reveal()), secretbox.OldEndpointSecret(s.Account.ID, s.endpoint.ID))
				require.NoError(t, err)
				s.Exec(t, `INSERT INTO endpoint_secrets (id, account_id, endpoint_id, secret, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
					handoff.NewID(), s.Account.ID, s.endpoint.ID, sealed, s.now, s.now.Add(time.Hour))
			}
			s.reply("Hi John")
			_, err := s.deliver()
			require.NoError(t, err)
			require.Equal(t, handoff.DeliveryDelivered, s.delivery().State)
			require.Equal(t, s.delivery().WebhookID, receiver.next().ID)
		}
	})
}

// A recipe cannot read what is no JSON, and says so: the product gives it up after one attempt.
func TestDelivery_52_RecipesAbortAMessage(t *testing.T) {
	t.Parallel()
	eachRecipe(t, func(t subject) {
		key := signature.GenerateSecret()
		receiver := t.start(t.T, key.Reveal())
		s := newScene(t.T, receiver.url, key)
		s.reply("Hi John")
		s.Exec(t, `UPDATE deliveries SET body = '{'::bytea WHERE endpoint_id = $1`, s.endpoint.ID)
		_, err := s.deliver()
		require.NoError(t, err)
		require.Equal(t, handoff.DeliveryFailed, s.delivery().State)
		require.EqualValues(t, 1, s.delivery().Attempts)
		require.Equal(t, handoff.EndpointEnabled, s.EndpointState(t, s.endpoint.ID).State)
	})
}
