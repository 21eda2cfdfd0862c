package api

import (
	"context"
	"net/http"

	"handoff"
	"handoff/internal/admin"
)

type rotateSecretBody struct {
	NewSecret
	GraceSeconds *int `json:"grace_seconds,omitempty" minimum:"0" maximum:"604800" doc:"For how long webhooks are signed with the secret of before as well: until then receivers may have either. 86400 unless given; 0 ends it at once."`
}

type rotateSecretInput struct {
	ByID
	Idempotent
	Body *rotateSecretBody `required:"false"`
}

func (s *server) rotateSecretRoute() {
	handle(s, operation{
		id: "rotate-secret", method: http.MethodPost, path: "/v1/endpoints/{id}/rotate-secret", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Give an endpoint another secret", description: "Until the grace is over, each webhook carries a signature of every secret that is good, " +
			"so that receivers can change over at any time; shared secrets and ed25519 keys may be mixed. Refused with 409 while ten earlier secrets " +
			"are good. The answer shows a shared secret, this once; a private key is never shown.",
		errors: []int{http.StatusNotFound}, atomic: true,
	}, s.rotateSecret)
}

func (s *server) rotateSecret(ctx context.Context, in *rotateSecretInput) (*output[Endpoint], error) {
	if in.Body == nil {
		in.Body = &rotateSecretBody{}
	}
	row, secret, err := s.admin(ctx).RotateSecret(ctx, keyOf(ctx).AccountID, in.ID, admin.Rotation{
		Secret: in.Body.Secret, KeyType: in.Body.KeyType, GraceSeconds: in.Body.GraceSeconds,
	})
	if err != nil {
		return nil, err
	}
	return s.endpointAnswer(ctx, row, secret)
}
