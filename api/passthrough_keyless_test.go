package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/api"
	"handoff/internal/health"
	"handoff/internal/outbound"
)

// TestPassthroughWithoutIdempotencyKey: the answer tells of the message that was queued. Each look at the command once made another id.
func TestPassthroughWithoutIdempotencyKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolPassthrough)
	handler, err := api.New(api.Deps{
		DB: w.DB, Commands: w.commands, Waker: w.waker, Box: w.Box, CheckURL: w.poster.CheckURL, CheckHeaders: outbound.CheckHeaders,
		Log: slog.New(slog.NewJSONHandler(w.log, nil)), Store: w.activities.Store, SendWait: time.Millisecond,
		Ready: func(context.Context) health.Ready { return health.Of(w.readiness) },
	})
	require.NoError(t, err)
	request := httptest.NewRequest(http.MethodPost, "/v1/passthrough/"+inbox.ID.String()+"/messages",
		strings.NewReader(`{"recipient":"34600000000","channel":"whatsapp","type":"text","text":{"body":"Hi"}}`))
	request.Header.Set("Authorization", "AppKey "+w.gateway)
	recorder := httptest.NewRecorder()
	checked(t, handler).ServeHTTP(recorder, request)

	require.Equal(t, http.StatusAccepted, recorder.Code, recorder.Body.String())
	var answer struct {
		Data struct {
			MessageID string `json:"message_id"`
		} `json:"data"`
	}
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &answer))
	require.Equal(t, recorder.Header().Get("Handoff-Message-Id"), answer.Data.MessageID)
	require.Equal(t, 1, w.Count(t, "messages", "id = $1 AND status = 'queued'", answer.Data.MessageID))
	require.Equal(t, 1, w.Count(t, "deliveries", "inbox_id = $1", inbox.ID))
}
