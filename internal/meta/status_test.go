package meta_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

func TestStatuses(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"sent", "delivered", "read", "played", "failed"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			item := one(t, inMessages(`"statuses":[{"id":"wamid.9","status":"`+status+`","timestamp":1733670000,"recipient_id":"",
				"recipient_user_id":"GB.1","biz_opaque_callback_data":"cb"}]`))
			require.Equal(t, handoff.ItemStatus, item.Kind)
			require.Equal(t, "wamid.9", item.ExternalID)
			require.Equal(t, handoff.MessageStatus(status), item.Status.Status)
			require.Equal(t, "cb", item.Status.CallbackData)
			require.Equal(t, int64(1733670000), item.Status.At.Unix())
			require.Equal(t, []handoff.Identity{bsuid("GB.1")}, item.Contact.Identities, "John is somebody else")
			require.Equal(t, status == "failed", item.Status.Failure != nil)
		})
	}
	for inside, kind := range map[string]handoff.ItemKind{
		`"status":"sent"`:             handoff.ItemIgnored,
		`"id":"w","status":"warning"`: handoff.ItemEvent,
		`"id":"w"`:                    handoff.ItemEvent,
		`"id":"w","status":"sent","recipient_type":"group"`: handoff.ItemEvent,
	} {
		require.Equal(t, kind, one(t, inMessages(`"statuses":[{`+inside+`}]`)).Kind, inside)
	}
}

func TestStatusWithoutRecipient(t *testing.T) {
	t.Parallel()
	require.Nil(t, one(t, inMessages(`"statuses":[{"id":"w","status":"sent"}]`)).Contact)
}

func TestFailure(t *testing.T) {
	t.Parallel()
	for errors, want := range map[string]handoff.Failure{
		`[{"code":131047,"title":"Re-engagement message","message":"Re-engagement message","error_data":{"details":"More than 24 hours have passed."}}]`: {
			Code: "131047", Reason: "Re-engagement message: More than 24 hours have passed",
		},
		`["x",{"code":"131026","title":"Undeliverable"}]`: {Code: "131026", Reason: "Undeliverable"},
		`[{"code":131047}]`: {Code: "131047", Reason: "Meta gave no reason"},
		`7`:                 {Code: "unknown", Reason: "Meta gave no reason"},
	} {
		item := one(t, inMessages(`"statuses":[{"id":"w","status":"failed","errors":`+errors+`}]`))
		require.Equal(t, want, *item.Status.Failure)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	for timestamp, want := range map[string]int64{
		`"1733670000"`: 1733670000, `1733670000`: 1733670000, `"soon"`: 0, `-1`: 0, `1e99999`: 0, `1733670000.5`: 0,
		`99999999999999999999`: 0, `"253402300800"`: 0, `null`: 0, `[]`: 0,
	} {
		item := one(t, inMessages(`"messages":[{"from":"1","id":"a","timestamp":`+timestamp+`,"type":"text","text":{"body":"x"}}]`))
		if want == 0 {
			require.True(t, item.Message.At.IsZero(), timestamp)
			continue
		}
		require.Equal(t, want, item.Message.At.Unix(), timestamp)
	}
}
