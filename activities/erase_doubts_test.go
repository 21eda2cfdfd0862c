package activities_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/internal/mediastore"
)

// TestAFileWhoseRowGoesWhileItIsFetchedLeavesNoBytes lets the row go between the look at it and its end.
func TestAFileWhoseRowGoesWhileItIsFetchedLeavesNoBytes(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	s.meta.AddMedia("media1", "image/png", fileName, picture)
	id := s.sendsPicture(shaOf(picture))
	key := mediastore.Key(s.Account.ID, id)
	// The look for the time is after the row was read and before the bytes are written.
	clock, gone := s.Activities.Now, false
	s.Activities.Now = func() time.Time {
		if !gone {
			gone = true
			s.Exec(t, "UPDATE messages SET media_id = NULL WHERE media_id = $1", id)
			s.Exec(t, "DELETE FROM media WHERE id = $1", id)
		}
		return clock()
	}
	_, err := s.fetch(id)
	require.NoError(t, err)
	require.True(t, gone)
	_, err = s.Store.Read(t.Context(), key)
	require.Error(t, err, "nothing would ever find the bytes again")
	_, err = s.fetch(id)
	require.NoError(t, err, "one that is gone is not fetched for ever")
}

// refusing is a database whose every transaction is refused, with all that PostgreSQL may say.
type refusing struct{ db.DB }

func (refusing) Begin(context.Context) (pgx.Tx, error) {
	return nil, fmt.Errorf("begin: %w", &pgconn.PgError{
		Code: "23505", Message: "about " + john, Detail: "Key (value)=(" + john + ") already exists.", Where: john, ConstraintName: "contact_identities_pkey",
	})
}

// TestTheLogSaysNothingOfValues: neither it nor Temporal's history may hold what a statement was about.
func TestTheLogSaysNothingOfValues(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	var log strings.Builder
	s.Activities.Log, s.Activities.DB = slog.New(slog.NewTextHandler(&log, nil)), refusing{s.Activities.DB}
	_, err := s.ApplyInbound(t.Context(), activities.ApplyInboundInput{Ref: s.ref, Now: s.now})
	require.Error(t, err)
	require.NotContains(t, err.Error()+log.String(), john)
	require.Contains(t, log.String(), "SQLSTATE 23505, constraint contact_identities_pkey")
}

// TestWhatIsDueDuringAnErasureIsNotDueAgain: a timer that is refused must not be armed for the same moment.
func TestWhatIsDueDuringAnErasureIsNotDueAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	require.NotNil(t, s.apply().Conversation.InactiveAt)
	in := s.request(s.ref.ContactID)
	s.now = s.now.Add(48 * time.Hour)
	out, err := s.End(t.Context(), activities.EndCommand{Command: s.command("inactivity:x", handoff.Actor{Admin: true}), Reason: handoff.EndInactivity})
	require.NoError(t, err)
	require.NotNil(t, out.Refused)
	require.True(t, out.Snapshot.Conversation.Open())
	require.Nil(t, out.Snapshot.Conversation.InactiveAt)
	require.Nil(t, out.Snapshot.Conversation.NoticeAt)
	require.Nil(t, out.Snapshot.Conversation.Next)
	require.Equal(t, "finished", s.erase(in).State)
}

// TestAnAnswerThatComesLateIsErasedToo: a request was under way while the erasure looked through the answers.
func TestAnAnswerThatComesLateIsErasedToo(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply()
	conv := s.conversation()
	in := s.request(s.ref.ContactID)
	ctx := t.Context()
	s.Runs = noRuns{}
	_, err := s.EraseClose(ctx, activities.EraseCloseInput{ErasureInput: in, Drop: true, Force: true})
	require.NoError(t, err)
	for _, do := range []func(context.Context, activities.ErasureInput) (struct{}, error){s.EraseAnswers, s.EraseRows, s.EraseReceipts} {
		_, err := do(ctx, in)
		require.NoError(t, err)
	}
	_, err = s.EraseVerify(ctx, in)
	require.NoError(t, err)
	s.keepAnswer("POST /v1/other", "late", `{"conversation":{"id":"`+conv.ID.String()+`"}}`)
	s.keepAnswer("POST /v1/other", "stranger", `{"fine":true}`)
	_, err = s.EraseVerify(ctx, in)
	require.ErrorContains(t, err, "stored answers")

	row := s.erase(in)
	require.Equal(t, 1, s.Count(t, "idempotency_keys", "key = 'late' AND status = 409"))
	require.Equal(t, 1, s.Count(t, "idempotency_keys", "key = 'stranger' AND status = 201"))
	var certificate activities.Certificate
	require.NoError(t, json.Unmarshal(row.Certificate, &certificate))
	require.Contains(t, certificate.Verified.Remaining, "receipts")
	require.Contains(t, certificate.Verified.Remaining, "idempotency_keys")
}

// TestWhatANewContactWritesIsNotErased: the same number writes again long after.
func TestWhatANewContactWritesIsNotErased(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply()
	in := s.request(s.ref.ContactID)
	s.now = s.now.Add(time.Hour)
	s.accept("I am new here")
	require.Equal(t, "finished", s.erase(in).State)
	require.Equal(t, 1, s.Count(t, "messages", "text = 'I am new here'"))
	require.Equal(t, 1, s.Count(t, "receipts", "body <> ''"), "theirs, and not what came before")
}

// TestWhatIsBeingDeletedIsNoGap takes a part of a conversation away, as a deletion does that needs several transactions.
func TestWhatIsBeingDeletedIsNoGap(t *testing.T) {
	t.Parallel()
	for name, deleting := range map[string]string{
		"erased":        "UPDATE contacts SET erasing_at = now()",
		"past its time": "UPDATE conversations SET ended_at = now() - interval '2 days', status = 'ended', end_reason = 'admin'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t)
			b.Exec(t, "UPDATE inboxes SET retention_days = 1")
			b.Exec(t, deleting)
			b.Exec(t, "DELETE FROM delivery_attempts")
			b.Exec(t, "DELETE FROM deliveries")
			b.Exec(t, "DELETE FROM events WHERE seq = 2")
			b.quiet()
			b.look()
			require.Empty(t, b.gaps())
		})
	}
}

// TestGapsOfAnErasedContactAreGone: they name it.
func TestGapsOfAnErasedContactAreGone(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.Exec(t, "DELETE FROM delivery_attempts")
	b.Exec(t, "DELETE FROM deliveries")
	b.Exec(t, "DELETE FROM events WHERE seq = 2")
	b.quiet()
	b.look()
	require.NotEmpty(t, b.gaps())
	require.Equal(t, "finished", b.erase(b.request(b.ref.ContactID)).State)
	require.Empty(t, b.gaps())
}

// TestAnErasureThatIsFinishedCanRunAgain: of several processes that ask Temporal for its workflow, one may do so just after its end.
func TestAnErasureThatIsFinishedCanRunAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply()
	in := s.request(s.ref.ContactID)
	done := s.erase(in)
	s.keepAnswer("POST /v1/contacts/"+in.ContactID.String()+"/erasure", "asked again", `{}`)
	require.Equal(t, done, s.erase(in))
}
