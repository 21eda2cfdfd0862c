package activities_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

// toldOf accepts a status of WhatsApp's of the message wamid.1 and applies it.
func (s *scene) toldOf(status string) {
	s.Helper()
	body := s.StatusBody("wamid.1", status)
	if status == "failed" {
		body = bytes.Replace(body, []byte(`"status":"failed"`), []byte(`"status":"failed","errors":[{"code":131026,"title":"Message undeliverable"}]`), 1)
	}
	s.Accept(s.T, body, s.now)
	s.apply()
}

// leaves lets a reply reach the gateway, which answers that it is wamid.1.
func (s *scene) leaves() handoff.ID {
	s.Helper()
	s.Gateway.Answer(func(int) (int, string) { return http.StatusOK, `{"messages":[{"id":"wamid.1"}]}` })
	s.apply()
	id := s.queued("Hi John")
	_, err := s.deliver()
	require.NoError(s, err)
	return id
}

func TestASentThatComesAfterTheFailureDoesNotHideIt(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	id := s.leaves()
	s.toldOf("failed")
	s.toldOf("sent")
	m := s.message(id)
	require.Equal(t, handoff.MessageFailed, *m.Status, "the customer never got it, and the agent has to know")
	require.Equal(t, "131026", *m.FailureCode)
	s.toldOf("delivered")
	require.Equal(t, handoff.MessageDelivered, *s.message(id).Status, "but who has it has it")
}

func TestStatusesThatCameBeforeTheWamidCountInTheirOwnOrder(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		statuses []string
		end      handoff.MessageStatus
	}{
		"failed before sent":      {[]string{"failed", "sent"}, handoff.MessageFailed},
		"sent before failed":      {[]string{"sent", "failed"}, handoff.MessageFailed},
		"failed after delivered":  {[]string{"delivered", "failed", "sent"}, handoff.MessageDelivered},
		"failed before delivered": {[]string{"failed", "sent", "delivered"}, handoff.MessageDelivered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			for _, status := range tt.statuses {
				s.toldOf(status)
			}
			require.Equal(t, len(tt.statuses), s.Count(t, "parked_statuses", "true"))
			require.Equal(t, tt.end, *s.message(s.leaves()).Status)
			require.Zero(t, s.Count(t, "parked_statuses", "true"))
		})
	}
}

func TestASentOfAnotherSendLiftsAFailure(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Exec(t, "UPDATE inboxes SET callback_data = true")
	id := s.leaves()
	s.toldOf("failed")
	again := bytes.Replace(s.StatusBody("wamid.2", "sent"), []byte(`"status"`), []byte(`"biz_opaque_callback_data":"`+id.String()+`","status"`), 1)
	s.Accept(t, again, s.now)
	s.apply()
	require.Equal(t, handoff.MessageSent, *s.message(id).Status, "the gateway has sent it again")
}
