package admin

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/signin"
)

// SignIn says whose tokens the agents of an account sign in with.
type SignIn struct {
	// Issuer is the URL at which an OpenID Connect issuer is discovered, as its tokens have it.
	Issuer   string
	Audience string
	// Algorithms are some of signin.Algorithms; RS256, ES256 and EdDSA if there are none.
	Algorithms []string
	// SubjectClaim names the person; sub if empty.
	SubjectClaim string
	// LinkByEmail links an agent whose address a token has verified, at the first sign-in.
	LinkByEmail bool
	// AdminClaim makes an admin of whom it says AdminValue of. Both, or neither.
	AdminClaim, AdminValue string
	// Unchecked saves it without asking the issuer.
	Unchecked bool
}

var defaultAlgorithms = []string{"RS256", "ES256", "EdDSA"}

func (a Admin) checkSignIn(s *SignIn) error {
	var c check
	if s.SubjectClaim == "" {
		s.SubjectClaim = "sub"
	}
	if len(s.Algorithms) == 0 {
		s.Algorithms = defaultAlgorithms
	}
	if err := a.CheckURL(s.Issuer); err != nil {
		c.fault("issuer", "issuer: %s", err.Error())
	}
	if strings.TrimSpace(s.Audience) == "" {
		c.fault("audience", "audience is empty: give the one that the issuer puts into tokens for this server")
	}
	for field, text := range map[string]string{
		"issuer": s.Issuer, "audience": s.Audience, "subject_claim": s.SubjectClaim, "admin_claim": s.AdminClaim, "admin_value": s.AdminValue,
	} {
		c.text(field, text, maxValue)
	}
	for _, algorithm := range s.Algorithms {
		if !slices.Contains(signin.Algorithms, algorithm) {
			c.fault("algorithms", "there is no algorithm %.20q here: use %s", algorithm, strings.Join(signin.Algorithms, ", "))
		}
	}
	if (s.AdminClaim == "") != (s.AdminValue == "") {
		c.fault("admin_value", "admin_claim and admin_value belong together: give both, or neither")
	}
	return c.err()
}

// PutSignIn has an account trust an issuer, in place of the one of before.
func (a Admin) PutSignIn(ctx context.Context, account handoff.ID, s SignIn) (dbsqlc.SignIn, error) {
	if err := a.checkSignIn(&s); err != nil {
		return dbsqlc.SignIn{}, err
	}
	if err := a.askIssuer(ctx, s); err != nil {
		return dbsqlc.SignIn{}, err
	}
	row, err := dbsqlc.New(a.DB).SignInPut(ctx, dbsqlc.SignInPutParams{
		AccountID: account, Issuer: s.Issuer, Audience: s.Audience, Algorithms: s.Algorithms, SubjectClaim: s.SubjectClaim,
		LinkByEmail: s.LinkByEmail, AdminClaim: s.AdminClaim, AdminValue: s.AdminValue,
	})
	if violates(err, "sign_ins_token_key") {
		return row, handoff.Errorf(handoff.CodeConflict, "another account takes tokens of this issuer with this audience: have the issuer use another audience")
	}
	return row, err
}

// askIssuer says whether an issuer's tokens could be checked. It does not say why not, which may be internal.
func (a Admin) askIssuer(ctx context.Context, s SignIn) error {
	if a.Issuer == nil || s.Unchecked || a.Issuer(ctx, s.Issuer) == nil {
		return nil
	}
	var c check
	c.fault("issuer", "the issuer's configuration cannot be read at %s/.well-known/openid-configuration, or names another issuer; correct it, %s",
		strings.TrimSuffix(s.Issuer, "/"), orUnchecked)
	return c.err()
}

// SignIn is whom an account trusts.
func (a Admin) SignIn(ctx context.Context, account handoff.ID) (dbsqlc.SignIn, error) {
	row, err := dbsqlc.New(a.DB).SignInGet(ctx, account)
	return row, db.NotFound(err, "issuer whom this account trusts")
}

// DeleteSignIn has an account trust no issuer any more. Who is which agent is kept.
func (a Admin) DeleteSignIn(ctx context.Context, account handoff.ID) error {
	n, err := dbsqlc.New(a.DB).SignInDelete(ctx, account)
	if err == nil && n == 0 {
		return handoff.Errorf(handoff.CodeNotFound, "this account trusts no issuer")
	}
	return err
}

// Subject is who an agent is at the account's issuer.
func (a Admin) Subject(ctx context.Context, account, agent handoff.ID) (dbsqlc.AgentSubject, error) {
	issuer, err := a.issuerFor(ctx, account, agent)
	if err != nil {
		return dbsqlc.AgentSubject{}, err
	}
	row, err := dbsqlc.New(a.DB).SubjectGet(ctx, dbsqlc.SubjectGetParams{AccountID: account, AgentID: agent, Issuer: issuer})
	return row, db.NotFound(err, "subject of this agent")
}

// PutSubject says who an agent is at the account's issuer.
func (a Admin) PutSubject(ctx context.Context, account, agent handoff.ID, subject string) (dbsqlc.AgentSubject, error) {
	var c check
	if c.text("subject", subject, maxValue); subject == "" {
		c.fault("subject", "subject is empty: give what the issuer's tokens say of this person")
	}
	if err := c.err(); err != nil {
		return dbsqlc.AgentSubject{}, err
	}
	issuer, err := a.issuerFor(ctx, account, agent)
	if err != nil {
		return dbsqlc.AgentSubject{}, err
	}
	row, err := dbsqlc.New(a.DB).SubjectPut(ctx, dbsqlc.SubjectPutParams{AccountID: account, AgentID: agent, Issuer: issuer, Subject: subject})
	if violates(err, "agent_subjects_pkey") {
		return row, handoff.Errorf(handoff.CodeConflict, "another agent is signed in by this subject: take it from that agent first")
	}
	return row, err
}

// DeleteSubject keeps an agent from signing in, until it is linked again.
func (a Admin) DeleteSubject(ctx context.Context, account, agent handoff.ID) error {
	issuer, err := a.issuerFor(ctx, account, agent)
	if err != nil {
		return err
	}
	n, err := dbsqlc.New(a.DB).SubjectDelete(ctx, dbsqlc.SubjectDeleteParams{AccountID: account, AgentID: agent, Issuer: issuer})
	if err == nil && n == 0 {
		return handoff.Errorf(handoff.CodeNotFound, "this agent has no subject at the account's issuer")
	}
	return err
}

// issuerFor is the issuer of an agent's account.
func (a Admin) issuerFor(ctx context.Context, account, agent handoff.ID) (string, error) {
	q := dbsqlc.New(a.DB)
	if _, err := q.AgentGet(ctx, dbsqlc.AgentGetParams{AccountID: account, ID: agent}); err != nil {
		return "", db.NotFound(err, "agent")
	}
	row, err := q.SignInGet(ctx, account)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", handoff.Errorf(handoff.CodeConflict, "this account trusts no issuer yet: PUT /v1/sign-in first")
	}
	return row.Issuer, err
}

func violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.ConstraintName == constraint
}
