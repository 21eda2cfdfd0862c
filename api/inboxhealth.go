package api

import (
	"context"
	"net/http"

	"handoff"
)

// InboxHealth says whether an inbox can do its work now.
type InboxHealth struct {
	OK     bool         `json:"ok"`
	Checks []InboxCheck `json:"checks"`
}

// InboxCheck is one thing that was looked at.
type InboxCheck struct {
	Name    string `json:"name" example:"phone_number"`
	OK      bool   `json:"ok" doc:"Also true for what could not be checked."`
	Skipped bool   `json:"skipped,omitempty"`
	Detail  string `json:"detail" doc:"What is wrong and what to do, or what was found."`
}

func (s *server) inboxHealthRoute() {
	handle(s, operation{
		id: "get-inbox-health", method: http.MethodGet, path: "/v1/inboxes/{id}/health", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Check an inbox", description: "Asks Meta about the inbox's token, number and account now, and looks at each of its endpoints: " +
			"whether it is enabled, when it last took something, and how old the oldest undelivered is.",
		errors: []int{http.StatusNotFound},
	}, s.inboxHealth)
}

func (s *server) inboxHealth(ctx context.Context, in *ByID) (*output[InboxHealth], error) {
	found, err := s.admin(ctx).InboxHealth(ctx, keyOf(ctx).AccountID, in.ID)
	health := InboxHealth{OK: found.OK, Checks: make([]InboxCheck, 0, len(found.Checks))}
	for _, check := range found.Checks {
		health.Checks = append(health.Checks, InboxCheck(check))
	}
	return &output[InboxHealth]{health}, err
}
