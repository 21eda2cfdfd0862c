package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
)

var long = strings.Repeat("x", 201)

func TestHowPeopleWorkOnAnInboxIsConfigured(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	team := w.team(t, map[string]any{"name": "Billing"})
	path, made := w.inbox(t, handoff.ProtocolHitlChat)
	require.Nil(t, made.field("team_id"))
	require.Equal(t, []any{}, made.field("routing"))
	require.Equal(t, []any{}, made.field("holidays"))
	require.Equal(t, "assignee", made.text("replies"))
	require.Equal(t, "queue", made.text("reopen_to"))
	require.Equal(t, false, made.field("typing_indicators"))
	require.EqualValues(t, 0, made.field("undo_seconds"))

	given := map[string]any{
		"team_id": teamID(team), "replies": "anyone", "undo_seconds": 5.0, "reopen_minutes": 60.0, "reopen_to": "assignee",
		"holidays": []any{"2026-12-25", "2026-12-26"}, "first_response_seconds": 300.0, "next_response_seconds": 600.0, "warning_seconds": 60.0,
		"response_hours": true, "window_warning_minutes": 120.0, "typing_indicators": true, "read_receipts": true,
		"dispositions": []any{"solved", "spam"}, "disposition_required": true, "csat_text": "How did we do? {{link}}",
		"routing": []any{
			map[string]any{
				"name": "German billing",
				"if": map[string]any{"reason": []any{"invoice"}, "payload": map[string]any{
					"order.kind": []any{"book", 5.0}, "language": "de", "vip": map[string]any{"exists": true},
				}},
				"then": map[string]any{"team_id": teamID(team), "skills": []any{"german"}, "priority": "high", "tags": []any{"billing"}},
			},
		},
	}
	changed := w.do(t, "PATCH", path, w.adm, given).is(http.StatusOK)
	for _, shown := range []answer{changed, w.do(t, "GET", path, w.adm, nil).is(http.StatusOK), w.do(t, "PATCH", path, w.adm, `{"name":"Other"}`).is(http.StatusOK)} {
		for field, value := range given {
			require.Equal(t, value, shown.field(field), field)
		}
	}
	delete(given, "typing_indicators")
	delete(given, "read_receipts")
	_, native := w.inbox(t, handoff.ProtocolNative, pairs(given)...)
	require.Equal(t, teamID(team), native.text("team_id"))
	require.Equal(t, given["routing"], native.field("routing"))

	cleared := w.do(t, "PATCH", path, w.adm, `{"team_id":"","routing":[],"holidays":[],"first_response_seconds":0,"next_response_seconds":0,
		"warning_seconds":0,"window_warning_minutes":0,"dispositions":[],"csat_text":"","undo_seconds":0}`).is(http.StatusOK)
	for _, field := range []string{"team_id", "first_response_seconds", "next_response_seconds", "warning_seconds", "window_warning_minutes", "csat_text"} {
		require.Nil(t, cleared.field(field), field)
	}
	require.Equal(t, []any{}, cleared.field("routing"))
	require.Equal(t, []any{}, cleared.field("dispositions"))
	require.Equal(t, "anyone", cleared.text("replies"), "what is left out stays")
}

func pairs(fields map[string]any) []any {
	var out []any
	for name, value := range fields {
		out = append(out, name, value)
	}
	return out
}

func TestWorkSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	path, _ := w.inbox(t, handoff.ProtocolHitlChat, "next_response_seconds", 30)
	native, _ := w.inbox(t, handoff.ProtocolNative)
	deleted := w.team(t, map[string]any{"name": "Gone"})
	w.do(t, "DELETE", deleted, w.adm, nil).is(http.StatusNoContent)
	foreign := w.do(t, "POST", "/v1/teams", w.stranger, `{"name":"Theirs"}`).is(http.StatusCreated).text("id")
	rule := func(condition, then string) string {
		return fmt.Sprintf(`{"routing":[{"if":%s,"then":%s}]}`, condition, then)
	}
	for _, c := range []struct{ path, body, mentions string }{
		{path, `{"team_id":"x"}`, "team_id is no id"},
		{path, `{"team_id":"` + teamID(deleted) + `"}`, "take an id from the list of teams"},
		{path, `{"team_id":"` + foreign + `"}`, "which this account does not have"},
		{path, rule(`{}`, `{"team_id":"`+foreign+`"}`), "routing names the team"},
		{path, rule(`{}`, `{}`), "rule 1: then is empty"},
		{path, rule(`{"payload":{"a":null}}`, `{"priority":"high"}`), "body.routing"},
		{path, rule(`{"payload":{"a":{"is":1}}}`, `{"priority":"high"}`), "a condition is a value"},
		{path, rule(`{"reason":[" "]}`, `{"priority":"high"}`), "if.reason"},
		{path, rule(`{}`, `{"priority":"top"}`), "priority"},
		{path, rule(`{"color":"red"}`, `{"priority":"high"}`), "color"},
		{path, `{"holidays":["25.12.2026"]}`, "write it like 2026-12-25"},
		{path, `{"undo_seconds":61}`, "60"},
		{path, `{"reopen_to":"bot"}`, "queue"},
		{path, `{"replies":"nobody"}`, "assignee"},
		{path, `{"warning_seconds":30}`, "the warning must be shorter"},
		{path, `{"next_response_seconds":0,"warning_seconds":30}`, "give first_response_seconds or next_response_seconds"},
		{path, `{"first_response_seconds":2592001}`, "body.first_response_seconds"},
		{path, `{"dispositions":["spam","Spam"]}`, "twice"},
		{path, `{"dispositions":["` + long + `"]}`, "200"},
		{path, `{"csat_text":"How did we do?"}`, "put {{link}} where the link belongs"},
		{native, `{"typing_indicators":true}`, "belongs to inboxes of hitlchat and kapso"},
		{native, `{"read_receipts":false}`, "belongs to inboxes of hitlchat and kapso"},
	} {
		got := w.do(t, "PATCH", c.path, w.adm, c.body).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
		require.Contains(t, string(got.body), strings.ReplaceAll(c.mentions, `"`, `\"`), c.body)
		require.NotEmpty(t, got.field("errors"), c.body)
	}
	got := w.do(t, "POST", "/v1/inboxes", w.adm, body(handoff.ProtocolPassthrough, "team_id", "", "phone_number_id", "2", "validate", false)).
		refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	require.Contains(t, string(got.body), "team_id belongs to inboxes of")
}

// On a holiday an inbox without hours is closed too, from midnight to midnight where it is.
func TestAnInboxIsClosedOnItsHolidays(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	zone, err := time.LoadLocation("Pacific/Kiritimati") // 14 hours ahead of UTC
	require.NoError(t, err)
	today := time.Now().In(zone)
	path, _ := w.inbox(t, handoff.ProtocolNative, "time_zone", zone.String())
	offload := func(id string) answer {
		return w.do(t, "POST", path+"/offloads", w.gateway, map[string]any{"contact": map[string]any{"id": id}, "id": id}).is(http.StatusOK)
	}
	open := offload("open")
	// Yesterday's and tomorrow's too, because midnight may pass in between.
	var days []string
	for _, n := range []int{-1, 0, 1} {
		days = append(days, today.AddDate(0, 0, n).Format(time.DateOnly))
	}
	w.do(t, "PATCH", path, w.adm, map[string]any{"holidays": days}).is(http.StatusOK)
	closed := offload("closed")
	require.NotContains(t, string(open.body), "closed\"")
	require.Contains(t, string(closed.body), "the inbox is closed")
	w.do(t, "PATCH", path, w.adm, map[string]any{"holidays": []string{today.AddDate(0, 0, 9).Format(time.DateOnly)}}).is(http.StatusOK)
	require.NotContains(t, string(offload("later").body), "the inbox is closed")
}
