package api

import (
	"context"
	"net/http"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

// SignIn says whose tokens the agents of an account sign in with.
type SignIn struct {
	Issuer       string    `json:"issuer" doc:"As the tokens have it in iss."`
	Audience     string    `json:"audience"`
	Algorithms   []string  `json:"algorithms"`
	SubjectClaim string    `json:"subject_claim"`
	LinkByEmail  bool      `json:"link_by_email"`
	AdminClaim   string    `json:"admin_claim,omitempty"`
	AdminValue   string    `json:"admin_value,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
}

type signInBody struct {
	Issuer       string   `json:"issuer" minLength:"1" maxLength:"500" doc:"The issuer's URL as its tokens have it in iss; its keys are found by OpenID Connect discovery." example:"https://login.example.com/realms/support"`
	Audience     string   `json:"audience" minLength:"1" maxLength:"500" doc:"What the tokens have in aud. Issuer and audience together say whose account a token is for." example:"handoff"`
	Algorithms   []string `json:"algorithms,omitempty" maxItems:"10" enum:"RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,EdDSA" doc:"RS256, ES256 and EdDSA if absent. Tokens without a signature, and with a shared secret, are never taken."`
	SubjectClaim string   `json:"subject_claim,omitempty" maxLength:"500" doc:"The claim that names the person, and that nobody can choose; sub if absent."`
	LinkByEmail  bool     `json:"link_by_email,omitempty" doc:"Link somebody at the first sign-in to the one agent with the address in email, if email_verified is true. Only for an issuer who lets nobody claim another's address."`
	AdminClaim   string   `json:"admin_claim,omitempty" maxLength:"500" doc:"The claim, a text or a list, that makes an admin of an agent." example:"roles"`
	AdminValue   string   `json:"admin_value,omitempty" maxLength:"500" doc:"What it has to say." example:"handoff-admin"`
	Validate     *bool    `json:"validate,omitempty" doc:"false saves without trying whether the issuer can be discovered. true unless given."`
}

type signInInput struct {
	Body signInBody
}

// AgentSignIn is who an agent is at the account's issuer.
type AgentSignIn struct {
	Issuer    string    `json:"issuer"`
	Subject   string    `json:"subject"`
	CreatedAt time.Time `json:"created_at"`
}

type agentSignInBody struct {
	Subject string `json:"subject" minLength:"1" maxLength:"500" doc:"What the issuer's tokens say of this person in the subject claim."`
}

type agentSignInInput struct {
	ByID
	Body agentSignInBody
}

func (s *server) signInRoutes() {
	missing := []int{http.StatusNotFound}
	const path, agentPath = "/v1/sign-in", "/v1/agents/{id}/sign-in"
	handle(s, operation{
		id: "put-sign-in", method: http.MethodPut, path: path, tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Trust an issuer", description: "The account's agents may then use tokens (JWT) of this OpenID Connect issuer as their bearer token, in place of " +
			"an API key, until these expire. It replaces the issuer of before.",
		errors: []int{http.StatusConflict},
	}, s.putSignIn)
	handle(s, operation{
		id: "get-sign-in", method: http.MethodGet, path: path, tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Get the issuer that is trusted", errors: missing,
	}, s.getSignIn)
	handle(s, operation{
		id: "delete-sign-in", method: http.MethodDelete, path: path, tag: configurationTag, scope: handoff.ScopeAdmin, errors: missing,
		summary: "Trust no issuer", description: "Its tokens are refused within a second. Who is which agent is kept.", status: http.StatusNoContent,
	}, s.deleteSignIn)
	handle(s, operation{
		id: "put-agent-sign-in", method: http.MethodPut, path: agentPath, tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Say who an agent is at the issuer", errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.putAgentSignIn)
	handle(s, operation{
		id: "get-agent-sign-in", method: http.MethodGet, path: agentPath, tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Get who an agent is at the issuer", errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.getAgentSignIn)
	handle(s, operation{
		id: "delete-agent-sign-in", method: http.MethodDelete, path: agentPath, tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Unlink an agent", description: "Where agents are linked by their address, change or remove that too.", status: http.StatusNoContent,
		errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.deleteAgentSignIn)
}

func (s *server) putSignIn(ctx context.Context, in *signInInput) (*output[SignIn], error) {
	defer s.afterCommit(ctx, s.forgetPeople)
	b := in.Body
	row, err := s.admin(ctx).PutSignIn(ctx, keyOf(ctx).AccountID, admin.SignIn{
		Issuer: b.Issuer, Audience: b.Audience, Algorithms: b.Algorithms, SubjectClaim: b.SubjectClaim, LinkByEmail: b.LinkByEmail,
		AdminClaim: b.AdminClaim, AdminValue: b.AdminValue, Unchecked: b.Validate != nil && !*b.Validate,
	})
	return &output[SignIn]{signInView(row)}, err
}

func (s *server) getSignIn(ctx context.Context, _ *struct{}) (*output[SignIn], error) {
	row, err := s.admin(ctx).SignIn(ctx, keyOf(ctx).AccountID)
	return &output[SignIn]{signInView(row)}, err
}

func (s *server) deleteSignIn(ctx context.Context, _ *struct{}) (*none, error) {
	defer s.afterCommit(ctx, s.forgetPeople)
	return nil, s.admin(ctx).DeleteSignIn(ctx, keyOf(ctx).AccountID)
}

func (s *server) putAgentSignIn(ctx context.Context, in *agentSignInInput) (*output[AgentSignIn], error) {
	defer s.afterCommit(ctx, s.forgetPeople)
	row, err := s.admin(ctx).PutSubject(ctx, keyOf(ctx).AccountID, in.ID, in.Body.Subject)
	return &output[AgentSignIn]{AgentSignIn{row.Issuer, row.Subject, row.CreatedAt.UTC()}}, err
}

func (s *server) getAgentSignIn(ctx context.Context, in *ByID) (*output[AgentSignIn], error) {
	row, err := s.admin(ctx).Subject(ctx, keyOf(ctx).AccountID, in.ID)
	return &output[AgentSignIn]{AgentSignIn{row.Issuer, row.Subject, row.CreatedAt.UTC()}}, err
}

func (s *server) deleteAgentSignIn(ctx context.Context, in *ByID) (*none, error) {
	defer s.afterCommit(ctx, s.forgetPeople)
	return nil, s.admin(ctx).DeleteSubject(ctx, keyOf(ctx).AccountID, in.ID)
}

func signInView(row dbsqlc.SignIn) SignIn {
	return SignIn{
		Issuer: row.Issuer, Audience: row.Audience, Algorithms: row.Algorithms, SubjectClaim: row.SubjectClaim, LinkByEmail: row.LinkByEmail,
		AdminClaim: row.AdminClaim, AdminValue: row.AdminValue, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
}
