package activities_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/internal/fakegraph"
)

const fileName = "passport of John.png"

var picture = []byte("\x89PNG\r\n\x1a\nthe picture")

// sendsPicture takes in a picture of John's and applies it; its file is not fetched.
func (s *graphScene) sendsPicture(sha string) handoff.ID {
	s.Helper()
	s.Accept(s.T, s.Envelope(map[string]any{"messages": []any{map[string]any{
		"from": john, "id": "wamid.picture", "timestamp": "1733670000", "type": "image",
		"image": map[string]string{"id": "media1", "mime_type": "image/png", "sha256": sha, "caption": "my passport", "filename": fileName},
	}}}), s.now)
	files := s.apply().Media
	require.Len(s, files, 1)
	return files[0]
}

// fetch runs DownloadMedia as its nth attempt does not differ: in an activity environment, so that it has one.
func (s *graphScene) fetch(file handoff.ID) (activities.MediaResult, error) {
	s.Helper()
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(s.DownloadMedia)
	value, err := env.ExecuteActivity(s.DownloadMedia, activities.MediaInput{Ref: s.ref, MediaID: file})
	var out activities.MediaResult
	if err == nil {
		require.NoError(s, value.Get(&out))
	}
	return out, err
}

func (s *scene) file(id handoff.ID) dbsqlc.Media {
	s.Helper()
	row, err := dbsqlc.New(s.World.DB).MediaGetAny(context.Background(), id)
	require.NoError(s, err)
	return row
}

func shaOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func TestAFileIsFetchedInTwoStepsAndToldOf(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	s.Exec(t, "UPDATE endpoints SET event_types = event_types || '{media.ready}' WHERE id = $1", s.Endpoint.ID)
	s.meta.AddMedia("media1", "image/png", fileName, picture)
	id := s.sendsPicture(shaOf(picture))
	require.Contains(t, s.said(t), "my passport", "the text does not wait for the file")
	require.EqualValues(t, 2, s.conversation().UnreadCount)

	result, err := s.fetch(id)
	require.NoError(t, err)
	require.Empty(t, result.Media)
	require.NotEmpty(t, result.Lanes)
	row := s.file(id)
	require.Equal(t, handoff.MediaReady, row.State)
	require.Equal(t, "image/png", *row.MimeType)
	require.EqualValues(t, len(picture), *row.Size)
	types := s.eventTypes()
	require.Equal(t, handoff.EventMediaReady, types[len(types)-1])
	require.Zero(t, s.lane(s.Endpoint.ID))
	requests := s.Gateway.Requests()
	require.Equal(t, "media.ready", requests[len(requests)-1].Header.Get("Handoff-Event"))

	rows := s.Dump(t)
	_, err = s.fetch(id)
	require.NoError(t, err)
	s.RequireUnchanged(t, rows)
	require.Empty(t, s.apply().Media)
}

func TestAFileThatCannotBeHadIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(*graphScene)
		code    string
	}{
		"Meta has it no more": {func(*graphScene) {}, "expired"},
		"no token": {func(s *graphScene) {
			s.Exec(s.T, "UPDATE inboxes SET access_token = NULL")
		}, handoff.FailureNoToken},
		"a week has passed": {func(s *graphScene) {
			s.meta.Fail(fakegraph.Fault{Method: http.MethodGet, Times: -1, Code: 131000})
			s.now = s.now.Add(7*24*time.Hour + time.Second)
		}, "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newGraphScene(t)
			id := s.sendsPicture("")
			tt.prepare(s)
			_, err := s.fetch(id)
			require.NoError(t, err)
			row := s.file(id)
			require.Equal(t, handoff.MediaFailed, row.State)
			require.Equal(t, tt.code, *row.FailureCode)
			require.Greater(t, len(*row.FailureReason), 20)
			require.Equal(t, 1, s.Count(t, "events", "type = $1 AND seq IS NOT NULL", handoff.EventMediaFailed))
			require.Empty(t, s.apply().Media)
		})
	}
}

// endless answers with a file that is larger than WhatsApp carries, without making it.
func endless(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		chunk := bytes.Repeat([]byte("x"), 1<<20)
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestAFileThatIsTooLargeIsGivenUp(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	id := s.sendsPicture("")
	s.Exec(t, "UPDATE media SET source_url = $1", endless(t))
	_, err := s.fetch(id)
	require.NoError(t, err)
	require.Equal(t, "too_large", *s.file(id).FailureCode)
}

// What goes wrong on the way is tried again, and the error names nothing of the file: it stands in the history.
func TestAFileThatWasNotFetchedIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakegraph.Fault{
		"Meta answers with an error":                 {Method: http.MethodGet, Code: 131000},
		"the address expires before it is asked for": {Method: http.MethodGet, Path: "/files/", Status: http.StatusNotFound},
		"another file arrives":                       {Method: http.MethodGet, Path: "/files/", Status: http.StatusOK, Body: "not the picture"},
		"the connection closes":                      {Method: http.MethodGet, Path: "/files/", Before: true},
		"the token is refused for now":               {Method: http.MethodGet, Code: 190},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newGraphScene(t)
			s.meta.AddMedia("media1", "image/png", fileName, picture)
			id := s.sendsPicture(shaOf(picture))
			fault.Times = 2 // a GET is repeated once on a connection that was kept
			s.meta.Fail(fault)
			for range 2 {
				if _, err := s.fetch(id); err != nil {
					var failed *temporal.ApplicationError
					require.ErrorAs(t, err, &failed)
					require.Equal(t, activities.Unfetched, failed.Type())
					require.NotContains(t, err.Error(), fileName)
					require.NotContains(t, err.Error(), "127.0.0.1")
					require.Equal(t, handoff.MediaPending, s.file(id).State)
					require.Equal(t, []handoff.ID{id}, s.apply().Media)
				}
			}
			_, err := s.fetch(id)
			require.NoError(t, err)
			require.Equal(t, handoff.MediaReady, s.file(id).State)
		})
	}
}

// A worker that died had written the file and not the row. The next one writes both.
func TestAFileWhoseWorkerDiedIsFetchedAgain(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	s.meta.AddMedia("media1", "image/png", fileName, picture)
	id := s.sendsPicture(shaOf(picture))
	_, err := s.fetch(id)
	require.NoError(t, err)
	s.Exec(t, "UPDATE media SET state = 'pending', finished_at = NULL, mime_type = NULL, size = NULL")
	s.Exec(t, "UPDATE wakes SET media_pending = 1")
	_, err = s.fetch(id)
	require.NoError(t, err)
	require.Equal(t, handoff.MediaReady, s.file(id).State)
}

// A command's snapshot may come between a message's acceptance and its application. That the file is there is told after the message.
func TestTheFileOfAMessageThatIsNotAppliedIsNotFetchedYet(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	s.meta.AddMedia("media1", "image/png", fileName, picture)
	s.Accept(t, s.Envelope(map[string]any{"messages": []any{map[string]any{
		"from": john, "id": "wamid.picture", "timestamp": "1733670000", "type": "image", "image": map[string]string{"id": "media1"},
	}}}), s.now)
	result, err := s.Claim(context.Background(), s.command("claim:1", s.Ana))
	require.NoError(t, err)
	require.Empty(t, result.Media)
	require.Len(t, s.apply().Media, 1)
}

func TestNothingOfAFileGoesIntoAHistory(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	s.meta.AddMedia("media1", "image/png", fileName, picture)
	id := s.sendsPicture(shaOf(picture))
	snapshot := s.apply()
	result, err := s.fetch(id)
	require.NoError(t, err)
	for _, value := range []any{snapshot, result, activities.MediaInput{Ref: s.ref, MediaID: id}} {
		encoded, err := json.Marshal(value)
		require.NoError(t, err)
		for _, secret := range []string{fileName, "passport", "media1", john, "John", shaOf(picture)} {
			require.NotContains(t, string(encoded), secret)
		}
	}
}

func TestAFileWhoseIDIsNoneOfMetasIsGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	s := newGraphScene(t)
	id := s.sendsPicture("")
	s.Exec(t, "UPDATE media SET external_id = '../me/accounts?x=' WHERE id = $1", id)
	_, err := s.fetch(id)
	require.NoError(t, err, "no other try finds it, and the conversation's end would wait for all of them")
	row := s.file(id)
	require.Equal(t, handoff.MediaFailed, row.State)
	require.Equal(t, "expired", *row.FailureCode)
}
