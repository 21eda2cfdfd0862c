package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/signin"
)

// person is an agent who has signed in.
type person struct {
	caller
	admin   bool
	expires time.Time // of the token
	at      time.Time // when all of it was looked up
}

// tokenHash stands for a token where it is remembered.
type tokenHash [sha256.Size]byte

// errToken refuses a token (RFC 6750 §3.1).
func errToken(detail string) error {
	p := newProblem(http.StatusUnauthorized, handoff.CodeUnauthorized, detail)
	p.challenge = `, error="invalid_token"`
	return p
}

func unauthorized(err error) bool {
	var p *Problem
	return handoff.ErrorCode(err) == handoff.CodeUnauthorized || (errors.As(err, &p) && p.Status == http.StatusUnauthorized)
}

// signedIn finds the agent whom a token of their account's issuer names. What was looked up counts for a second, as with keys.
func (s *server) signedIn(ctx context.Context, token string, r route, ask func() error) (*caller, error) {
	hash := tokenHash(sha256.Sum256([]byte(token)))
	p, ok := s.people.Get(hash)
	if !ok || time.Since(p.at) >= keyTTL {
		if !ok {
			if err := ask(); err != nil {
				return nil, err
			}
		}
		asked, epoch := time.Now(), s.epoch.Load()
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		found, err := s.lookUp(ctx, token)
		if err != nil {
			s.people.Remove(hash)
			return nil, err
		}
		p = found
		p.at = asked
		s.people.Add(hash, p)
		if epoch != s.epoch.Load() { // it may have been read before it was changed
			s.people.Remove(hash)
		}
	}
	if !s.Now().Before(p.expires) {
		return nil, errToken("the token has expired: sign in again")
	}
	k := p.caller
	k.expires = &p.expires
	if p.admin && r.scope == handoff.ScopeAdmin {
		k.Scope = handoff.ScopeAdmin
	}
	return &k, nil
}

// forgetPeople has everybody who has signed in looked up anew: an issuer, an agent or who is which was changed here.
func (s *server) forgetPeople() {
	s.epoch.Add(1)
	s.people.Purge()
}

func (s *server) lookUp(ctx context.Context, token string) (person, error) {
	issuer, audiences, ok := signin.Read(token)
	if !ok || s.SignIn == nil {
		return person{}, errToken("this is no token that can be read, nor an API key")
	}
	rows, err := s.queries(ctx).SignInFind(ctx, dbsqlc.SignInFindParams{Issuer: issuer, Audiences: audiences})
	if err != nil {
		return person{}, err
	}
	if len(rows) != 1 {
		return person{}, errToken("no account trusts the issuer of this token, for its audience")
	}
	trust := rows[0]
	claims, err := s.SignIn.Verify(ctx, signin.Trust{Issuer: trust.Issuer, Audience: trust.Audience, Algorithms: trust.Algorithms}, token)
	switch {
	case errors.Is(err, signin.ErrUnreachable):
		return person{}, &handoff.Error{Code: handoff.CodeUnavailable, Message: "the issuer of this token cannot be asked for its keys: try again", Err: err}
	case errors.Is(err, signin.ErrExpired):
		return person{}, errToken("the token has expired: sign in again")
	case err != nil:
		s.Log.InfoContext(ctx, "token refused", "request_id", requestIDOf(ctx), "account_id", trust.AccountID, "error", err)
		return person{}, errToken("the token is not valid: its signature, algorithm, audience or time is wrong")
	}
	p := person{admin: trust.AdminClaim != "" && claims.Has(trust.AdminClaim, trust.AdminValue), expires: claims.Expiry}
	p.caller, err = s.agentOf(ctx, trust, claims)
	return p, err
}

// agentOf finds the agent whom the claims name.
func (s *server) agentOf(ctx context.Context, trust dbsqlc.SignIn, claims signin.Claims) (caller, error) {
	unknown := errToken("the token is valid, and nobody here is linked to it: ask an admin to link your agent (PUT /v1/agents/{id}/sign-in)")
	subject := claims.Text(trust.SubjectClaim)
	if subject == "" || len(subject) > 500 {
		return caller{}, unknown
	}
	find := func() (dbsqlc.SubjectAgentRow, error) {
		return s.queries(ctx).SubjectAgent(ctx, dbsqlc.SubjectAgentParams{AccountID: trust.AccountID, Issuer: trust.Issuer, Subject: subject})
	}
	row, err := find()
	if errors.Is(err, pgx.ErrNoRows) && trust.LinkByEmail && claims.VerifiedEmail() != "" {
		if err := s.link(ctx, trust, subject, claims.VerifiedEmail()); err != nil {
			return caller{}, err
		}
		row, err = find() // somebody else may have been linked meanwhile
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return caller{}, unknown
	case err != nil:
		return caller{}, err
	case row.DisabledAt != nil:
		return caller{}, errToken("this agent is disabled")
	}
	return caller{
		ID: row.ID, AccountID: trust.AccountID, Scope: handoff.ScopeAgent, Agent: &handoff.AgentRef{ID: row.ID, Name: row.Name},
	}, nil
}

// link notes at the first sign-in who somebody is, by the address that the issuer has verified. Where two agents have it, it says nothing.
func (s *server) link(ctx context.Context, trust dbsqlc.SignIn, subject, email string) error {
	return db.InTx(ctx, s.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		agents, err := q.SubjectCandidates(ctx, dbsqlc.SubjectCandidatesParams{AccountID: trust.AccountID, Email: email, Issuer: trust.Issuer})
		if err != nil || len(agents) != 1 {
			return err
		}
		agent := agents[0]
		n, err := q.SubjectInsert(ctx, dbsqlc.SubjectInsertParams{
			AccountID: trust.AccountID, Issuer: trust.Issuer, Subject: subject, AgentID: agent.ID,
		})
		if err != nil || n == 0 {
			return err
		}
		return q.AuditInsert(ctx, dbsqlc.AuditInsertParams{
			ID: handoff.NewID(), AccountID: trust.AccountID, At: s.Now(), ActorType: "agent", ActorID: &agent.ID, ActorName: agent.Name,
			Action: "first-sign-in", TargetType: "agent", TargetID: &agent.ID, Detail: []byte("{}"), RequestID: requestIDOf(ctx),
		})
	})
}
