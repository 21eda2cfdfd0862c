package fakegraph_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/fakegraph"
	"handoff/internal/meta"
	"handoff/internal/signature"
)

const appSecret = "app-secret"

// receiver takes webhooks, and refuses the first few.
type receiver struct {
	mu      sync.Mutex
	refuse  int
	bodies  [][]byte
	problem error
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err == nil {
		err = signature.VerifyMeta(appSecret, body, request.Header.Get(signature.HeaderMeta))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.problem = err
	}
	if r.refuse > 0 {
		r.refuse--
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	r.bodies = append(r.bodies, body)
}

// items are what came, as the product reads it.
func (r *receiver) items(t *testing.T) []handoff.Item {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.NoError(t, r.problem)
	var items []handoff.Item
	for _, body := range r.bodies {
		webhook, err := meta.Parse(body)
		require.NoError(t, err)
		items = append(items, webhook.Items...)
	}
	return items
}

func notified(t *testing.T, refuse int) (bundle, *receiver) {
	t.Helper()
	b, r := setup(t), &receiver{refuse: refuse}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	b.Notify(server.URL, appSecret, "")
	return b, r
}

// Statuses follow each send in order, also past a target that fails at first.
func TestStatusesFollowSends(t *testing.T) {
	t.Parallel()
	b, r := notified(t, 2)
	for i := range 5 {
		status, _ := b.send(t, fmt.Sprintf(
			`{"messaging_product":"whatsapp","to":"16315555555","text":{"body":"b"},"biz_opaque_callback_data":"msg_%d"}`, i))
		require.Equal(t, http.StatusOK, status)
	}
	b.Wait()
	sent, items := b.Sent(), r.items(t)
	require.Len(t, items, 15)
	for i, item := range items {
		require.Equal(t, handoff.ItemStatus, item.Kind, item.Reason)
		require.Equal(t, sent[i/3].ID, item.ExternalID)
		require.Equal(t, []handoff.MessageStatus{handoff.MessageSent, handoff.MessageDelivered, handoff.MessageRead}[i%3], item.Status.Status)
		require.Equal(t, fmt.Sprintf("msg_%d", i/3), item.Status.CallbackData)
		require.Equal(t, b.clock.read(), item.Status.At)
	}

	b.Statuses()
	_, _ = b.send(t, text)
	b.Wait()
	require.Len(t, r.items(t), 15)
	posted, err := b.Status(b.Sent()[5].ID, "failed", 131047)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, posted.Status)
	last := r.items(t)[15]
	require.Equal(t, handoff.MessageFailed, last.Status.Status)
	require.Equal(t, "131047", last.Status.Failure.Code)
	_, err = b.Status("wamid.unknown", "read", 0)
	require.Error(t, err)
}

func TestCustomersWrite(t *testing.T) {
	t.Parallel()
	b, r := notified(t, 0)
	b.AddNumber(waba, "200000000000002", "+1 555-0102")
	b.AddMedia("300", "application/pdf", "invoice.pdf", []byte("bytes"))
	phone, username := b.Customer("16315555555", "Ann"), b.Customer("US.13491208655302741918", "Bob")
	for _, post := range []func() (fakegraph.Posted, error){
		func() (fakegraph.Posted, error) { return phone.Text("hi") },
		func() (fakegraph.Posted, error) { return username.Text("hi") },
		func() (fakegraph.Posted, error) { return phone.File("document", "300", "the invoice") },
		func() (fakegraph.Posted, error) { return phone.To("200000000000002").Text("hi") },
	} {
		p, err := post()
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, p.Status)
		require.NotEmpty(t, p.Body)
		items := r.items(t)
		require.Equal(t, p.ID, items[len(items)-1].ExternalID)
	}
	items := r.items(t)
	require.Len(t, items, 4)
	for _, item := range items {
		require.Equal(t, handoff.ItemMessage, item.Kind, item.Reason)
	}
	require.Equal(t, "hi", items[0].Message.Text)
	require.NotEqual(t, items[0].Contact, items[1].Contact)
	require.Equal(t, "300", items[2].Message.Media.ID)
	require.Equal(t, "invoice.pdf", items[2].Message.Media.Filename)
	require.NotEqual(t, items[0].Route, items[3].Route)

	_, err := phone.File("image", "404", "")
	require.Error(t, err)
	_, err = phone.To("404").Text("hi")
	require.Error(t, err)
	p, err := phone.PassControl("wants a refund")
	require.NoError(t, err)
	require.Contains(t, string(p.Body), `"messaging_handovers"`)
	require.Contains(t, string(p.Body), "wants a refund")
}
