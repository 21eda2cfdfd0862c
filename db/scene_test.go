package db_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/protocol/hitlchat"
	"handoff/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const john = "447700900123"

// crowded connects to an empty database with as many connections as a busy server has.
func crowded(t *testing.T) *fixture.World {
	t.Helper()
	pool, err := db.Open(context.Background(), dbtest.URL(t), 16)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return fixture.New(t, pool)
}

// accept is fixture.Accept for goroutines of which some must fail.
func accept(w *fixture.World, database db.DB, body []byte) (db.Accepted, error) {
	parsed, err := hitlchat.Parse(body)
	if err != nil {
		return db.Accepted{}, err
	}
	return db.Accept(context.Background(), database, db.NewReceipt{
		AccountID: w.Account.ID, Protocol: handoff.ProtocolHitlChat, Body: body, Items: parsed.Items, At: time.Now(),
	})
}

// said is one message of a batch.
type said struct {
	phone, name, id string
	bsuid           string
}

// batch is a webhook of Meta with messages of several contacts, in which each is introduced.
func batch(w *fixture.World, messages ...said) []byte {
	contacts, list := []any{}, []any{}
	for i, m := range messages {
		contact := map[string]any{"wa_id": m.phone, "profile": map[string]string{"name": m.name}}
		message := map[string]any{
			"from": m.phone, "id": m.id, "timestamp": "1733670000", "type": "text", "text": map[string]string{"body": strconv.Itoa(i)},
		}
		if m.bsuid != "" {
			contact["user_id"], message["from_user_id"] = m.bsuid, m.bsuid
		}
		contacts, list = append(contacts, contact), append(list, message)
	}
	return w.Envelope(map[string]any{"contacts": contacts, "messages": list})
}
