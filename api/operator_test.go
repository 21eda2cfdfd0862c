package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

func TestAProgramSkipsADeliveryThatIsStuck(t *testing.T) {
	t.Parallel()
	w := told(t)
	c := w.conversation(t, "447700900123")
	w.Gateway.Answer(func(int) (int, string) { return http.StatusInternalServerError, "" })
	require.Error(t, w.attempt(c, w.Endpoint.ID))
	list := w.do(t, "GET", "/v1/deliveries", w.adm, nil).is(http.StatusOK)
	path := "/v1/deliveries/" + list.text("items.0.id")
	page := "http://127.0.0.1:8233/namespaces/default/workflows/conversation:" + c.InboxID.String() + ":" + c.ContactID.String()
	require.Equal(t, page, list.text("items.0.workflow_url"))
	require.Equal(t, page, w.do(t, "GET", path, w.adm, nil).is(http.StatusOK).text("workflow_url"))

	w.do(t, "POST", path+"/skip", w.ana, nil).is(http.StatusForbidden)
	w.do(t, "POST", "/v1/deliveries/"+handoff.NewID().String()+"/skip", w.adm, nil).is(http.StatusNotFound)
	skipped := w.do(t, "POST", path+"/skip", w.adm, nil, "Idempotency-Key", "skip").is(http.StatusOK)
	require.Equal(t, "failed", skipped.text("state"))
	require.Equal(t, "skipped by an admin", skipped.text("failure"))
	w.do(t, "POST", path+"/skip", w.adm, nil, "Idempotency-Key", "skip").is(http.StatusOK)
	w.do(t, "POST", path+"/skip", w.adm, nil).is(http.StatusConflict)

	w.Gateway.Answer(func(int) (int, string) { return http.StatusOK, "" })
	w.do(t, "POST", path+"/redeliver", w.adm, nil).is(http.StatusAccepted)
	require.NoError(t, w.attempt(c, w.Endpoint.ID))
	require.Equal(t, "delivered", w.do(t, "GET", path, w.adm, nil).is(http.StatusOK).text("state"), "it can still be sent again")
}

func TestADeliveryOfNoConversationIsSkippedInItsRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(t, "POST", "/v1/public/inbound/test-resolved-webhook", w.gateway, nil).is(http.StatusOK)
	list := w.do(t, "GET", "/v1/deliveries", w.adm, nil).is(http.StatusOK)
	id := list.text("items.0.id")
	require.Equal(t, "http://127.0.0.1:8233/namespaces/default/workflows/webhook-test:"+id, list.text("items.0.workflow_url"))
	require.Equal(t, "failed", w.do(t, "POST", "/v1/deliveries/"+id+"/skip", w.adm, nil).is(http.StatusOK).text("state"))
	w.do(t, "POST", "/v1/deliveries/"+id+"/skip", w.adm, nil).is(http.StatusConflict)
}
