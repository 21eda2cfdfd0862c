package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

func TestABodyIsAcceptedOnBothPrefixes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, prefix := range []string{"/v1/public", "/api/v1/public"} {
		body := w.Body("447700900123", "one", "two")
		got := w.do(t, "POST", prefix+"/inbound", w.gateway, body, "Content-Type", "text/plain").is(http.StatusOK)
		require.Len(t, got.field("items"), 2)
		require.Equal(t, "message", got.text("items.0.kind"))
		require.Equal(t, false, got.field("items.0.duplicate"))
		require.NotEmpty(t, got.text("items.1.message_id"))

		receipt := w.do(t, "GET", "/v1/receipts/"+got.text("receipt_id"), w.gateway, nil).is(http.StatusOK)
		hash := sha256.Sum256(body)
		require.Equal(t, hex.EncodeToString(hash[:]), receipt.text("sha256"))
		require.EqualValues(t, len(body), receipt.field("size"))
		require.Equal(t, "accepted", receipt.text("items.0.outcome"))
		require.Equal(t, "entry[0].changes[0].value.messages[1]", receipt.text("items.1.location"))

		again := w.do(t, "POST", prefix+"/inbound", w.gateway, body).is(http.StatusOK)
		require.Equal(t, true, again.field("items.0.duplicate"))
		require.Equal(t, got.text("items.0.message_id"), again.text("items.0.message_id"))
		require.NotEqual(t, got.text("receipt_id"), again.text("receipt_id"))
		// The flag is raised once; nobody has lowered it since.
		require.Len(t, w.waker.all(), 1, i)
	}
	require.Equal(t, 4, w.count(t, "SELECT count(*) FROM messages"))
}

func TestPriorHistoryIsTakenAndItsFaultsAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := bytes.TrimSuffix(w.Body("447700900123", "Hello"), []byte("}"))
	body = append(body, `,"prior_history":[{"direction":"inbound","text":"What are your hours?","timestamp":"2026-06-08T09:14:00Z"},{"direction":"sideways"}]}`...)
	got := w.do(t, "POST", "/v1/public/inbound", w.gateway, body).is(http.StatusOK)
	require.Len(t, got.field("warnings"), 1)
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM messages WHERE history IS NOT NULL"))
}

func TestBodiesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere := bytes.ReplaceAll(w.Body("447700900123", "Hello"), []byte(w.Inbox.PhoneNumberID), []byte("999"))
	for name, c := range map[string]struct {
		body   any
		status int
		code   handoff.Code
	}{
		"not JSON":              {`{"entry":[`, http.StatusBadRequest, handoff.CodeMalformed},
		"empty":                 {nil, http.StatusBadRequest, handoff.CodeMalformed},
		"not Meta's":            {`{"hello":"world"}`, http.StatusUnprocessableEntity, handoff.CodeInvalid},
		"nobody's phone number": {elsewhere, http.StatusUnprocessableEntity, handoff.CodeInvalid},
		"larger than 4 MiB":     {strings.Repeat(" ", 4<<20+1), http.StatusRequestEntityTooLarge, handoff.CodeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.do(t, "POST", "/v1/public/inbound", w.gateway, c.body).refused(c.status, c.code)
		})
	}
}

func TestABodyWithoutALengthIsCappedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	request := httptest.NewRequest("POST", "/v1/public/inbound", iotest.OneByteReader(strings.NewReader(strings.Repeat(" ", 4<<20+1))))
	request.ContentLength = -1
	request.Header.Set("X-API-Key", w.gateway)
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, request)
	require.Equal(t, http.StatusRequestEntityTooLarge, recorder.Code)

	w.do(t, "POST", "/v1/agents", w.adm, `{"name":"`+strings.Repeat("x", 256<<10)+`"}`).
		refused(http.StatusRequestEntityTooLarge, handoff.CodeTooLarge)
}

func TestAKeyBoundToAnInboxAcceptsForNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	name, waba, number := "Other", "1", "2"
	other, err := w.admin().CreateInbox(ctx, w.Account.ID, admin.InboxFields{Name: &name, WABAID: &waba, PhoneNumberID: &number})
	require.NoError(t, err)
	_, bound, err := w.admin().CreateKey(ctx, w.Account.ID, admin.NewKey{Name: "bound", Scope: handoff.ScopeGateway, InboxID: &other.ID})
	require.NoError(t, err)

	w.do(t, "POST", "/v1/public/inbound", bound, w.Body("447700900123", "Hi")).refused(http.StatusForbidden, handoff.CodeForbidden)
	receipt := w.do(t, "POST", "/v1/public/inbound", w.gateway, w.Body("447700900123", "Hi")).is(http.StatusOK).text("receipt_id")
	w.do(t, "GET", "/v1/receipts/"+receipt, bound, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "POST", "/v1/public/inbound/test-resolved-webhook", bound, `{"inbox_id":"`+w.Inbox.ID.String()+`"}`).
		refused(http.StatusNotFound, handoff.CodeNotFound)
}

func TestTheSampleWebhook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const path = "/v1/public/inbound/test-resolved-webhook"
	got := w.do(t, "POST", path, w.gateway, nil, "Idempotency-Key", "k").is(http.StatusOK)
	require.Equal(t, "conversation_resolved", got.text("deliveries.0.event_type"))
	require.Equal(t, "pending", got.text("deliveries.0.state"))
	require.Equal(t, w.Endpoint.ID.String(), got.text("deliveries.0.endpoint_id"))
	require.Equal(t, []string{"test " + got.text("deliveries.0.id")}, w.commands.calls)
	row, err := dbsqlc.New(w.DB).DeliveryGet(context.Background(), dbsqlc.DeliveryGetParams{
		AccountID: w.Account.ID, ID: uuidOf(t, got.text("deliveries.0.id")),
	})
	require.NoError(t, err)
	require.Regexp(t, `^\{"event":"conversation_resolved","contact_number":"15550100000","resolved_status":"Resolved by Human","resolved_datetime":".+Z"\}$`, string(row.Body))
	again := w.do(t, "POST", path, w.gateway, nil, "Idempotency-Key", "k").is(http.StatusOK)
	require.Equal(t, got.text("deliveries.0.id"), again.text("deliveries.0.id"))

	w.do(t, "POST", path, w.gateway, "[]").refused(http.StatusBadRequest, handoff.CodeMalformed)
	w.do(t, "POST", path, w.gateway, `{"inbox_id":"`+w.strangerWorld.Inbox.ID.String()+`"}`).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "PATCH", "/v1/endpoints/"+w.Endpoint.ID.String(), w.adm, `{"state":"disabled"}`).is(http.StatusOK)
	w.do(t, "POST", path, w.gateway, nil).refused(http.StatusConflict, handoff.CodeConflict)
	w.do(t, "PATCH", "/v1/endpoints/"+w.Endpoint.ID.String(), w.adm, `{"state":"enabled","event_types":["*"]}`).is(http.StatusOK)
	w.do(t, "POST", path, w.gateway, nil).refused(http.StatusConflict, handoff.CodeConflict)
	w.do(t, "POST", "/v1/inboxes", w.adm, `{"name":"Second","waba_id":"1","phone_number_id":"2"}`).is(http.StatusCreated)
	w.do(t, "POST", "/api"+path, w.gateway, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
}
