package api_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/internal/signature"
	"handoff/workflows"
)

// An endpoint gets the types that it asked for, and nothing is made for those that it did not.
func TestDelivery_33_AnEndpointGetsTheTypesThatItAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/endpoints/" + w.Endpoint.ID.String()
	list := "/v1/inboxes/" + w.Inbox.ID.String() + "/endpoints"
	families := w.do(t, "POST", list, w.adm, map[string]any{"url": w.Gateway.URL, "event_types": []string{"conversation.*"}}).is(http.StatusCreated)
	one := w.do(t, "POST", list, w.adm, map[string]any{"url": w.Gateway.URL, "event_types": []string{"message.received"}}).is(http.StatusCreated)
	all := w.do(t, "POST", list, w.adm, map[string]any{"url": w.Gateway.URL, "event_types": []string{"*"}}).is(http.StatusCreated)
	w.do(t, "PATCH", path, w.adm, `{"event_types":["conversation.slept"]}`).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "PATCH", path, w.adm, `{"event_types":["message.read"]}`).is(http.StatusOK)

	c := w.conversation(t, "447700900123")
	w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/claim", w.ana, nil).is(http.StatusOK)
	w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/resolve", w.ana, nil).is(http.StatusOK)
	told := func(endpoint string) map[string]int {
		types := map[string]int{}
		items, _ := w.do(t, "GET", "/v1/deliveries?endpoint_id="+endpoint, w.adm, nil).is(http.StatusOK).field("items").([]any)
		for _, item := range items {
			row, _ := item.(map[string]any)
			types[row["event_type"].(string)]++
		}
		return types
	}
	require.Empty(t, told(w.Endpoint.ID.String()), "nothing is made that nobody asked for")
	require.Equal(t, map[string]int{"message.received": 1}, told(one.text("id")))
	require.Equal(t, map[string]int{"conversation.opened": 1, "conversation.claimed": 1, "conversation.ended": 1}, told(families.text("id")))
	require.Equal(t, map[string]int{
		"conversation.opened": 1, "conversation.claimed": 1, "conversation.ended": 1, "message.received": 1,
	}, told(all.text("id")))

	for _, unknown := range []string{"conversation.exploded", "conversation", "conversation.**", "Message.received", "whatsapp.message.received", ""} {
		got := w.do(t, "POST", list, w.adm, map[string]any{"url": w.Gateway.URL, "event_types": []string{"*", unknown}})
		got.refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
		require.Equal(t, "body.event_types", got.text("errors.0.location"), unknown)
		for _, known := range append([]string{"*", "conversation.*", "message.*", "outbound_message", "conversation_resolved"}, strings.Fields(
			"conversation.opened message.received message.read message.queued")...) {
			require.Contains(t, got.text("detail"), known, unknown)
		}
	}
}

// What the test route sends differs from the real thing in nothing but its content.
func TestDelivery_38_TheSampleIsSignedLikeRealOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/claim", w.ana, nil).is(http.StatusOK)
	w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/resolve", w.ana, nil).is(http.StatusOK)
	require.Equal(t, 1, w.deliver(t, activities.DeliverInput{
		Ref: workflows.NewConversationInput(c.AccountID, c.InboxID, c.ContactID).Ref, EndpointID: w.Endpoint.ID, Max: 20,
	}))
	sample := w.do(t, "POST", "/v1/public/inbound/test-resolved-webhook", w.gateway, nil).is(http.StatusOK).text("deliveries.0.id")
	_, err := w.activities.TestDelivery(t.Context(), activities.TestDeliveryInput{AccountID: w.Account.ID, DeliveryID: uuidOf(t, sample)})
	require.NoError(t, err)

	requests := w.Gateway.Requests()
	require.Len(t, requests, 2)
	for i, r := range requests {
		require.True(t, verified(r, time.Now(), w.Gateway.Secret), "request %d", i)
		require.Equal(t, 1, signatures(r))
		require.Regexp(t, `^msg_[0-9A-Za-z]{20,}$`, r.Header.Get(signature.HeaderID))
		require.Equal(t, "conversation_resolved", r.Header.Get("Handoff-Event"))
		require.Equal(t, "1", r.Header.Get("Handoff-Attempt"))
		require.Equal(t, requests[0].Header.Get("Content-Type"), r.Header.Get("Content-Type"))
		require.Equal(t, requests[0].Header.Get("User-Agent"), r.Header.Get("User-Agent"))
	}
	require.NotEqual(t, requests[0].Header.Get(signature.HeaderID), requests[1].Header.Get(signature.HeaderID))
	require.NoError(t, signature.Verify(requests[1].Header, []byte(requests[1].Body), time.Now(), w.Gateway.Secret))
	require.Error(t, signature.Verify(requests[1].Header, []byte(requests[1].Body+" "), time.Now(), w.Gateway.Secret))
}

// callsOf are the functions, methods and selectors that a function of a file calls.
func callsOf(t *testing.T, file, function string) (calls map[string]bool, comparisons int) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	calls = map[string]bool{}
	for _, decl := range parsed.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Name.Name != function {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok {
						calls[x.Name+"."+s.Sel.Name] = true
					}
				}
			case *ast.BinaryExpr:
				_, number := n.Y.(*ast.BasicLit)
				nothing, _ := n.Y.(*ast.Ident)
				if (n.Op == token.EQL || n.Op == token.NEQ) && !number && (nothing == nil || nothing.Name != "nil") {
					comparisons++
				}
			}
			return true
		})
	}
	require.NotEmpty(t, calls, "there is no %s in %s", function, file)
	return calls, comparisons
}

// How long a comparison takes tells a guesser how much of the token is right, unless it takes as long for every guess. A clock cannot
// tell the two apart reliably on a busy machine: the code can.
func TestDelivery_38_VendorsTokensAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	calls, comparisons := callsOf(t, "intake.go", "isSecret")
	require.True(t, calls["subtle.ConstantTimeCompare"])
	require.Zero(t, comparisons, "nothing is compared beside it")
	for file, function := range map[string]string{"intake_chatlayer.go": "chatlayerInbox", "intake_meta.go": "metaChallenge"} {
		calls, _ := callsOf(t, file, function)
		require.True(t, calls["s.isSecret"], file)
	}
}
