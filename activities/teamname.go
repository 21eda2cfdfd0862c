package activities

import (
	"context"
	"errors"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db/dbsqlc"
)

// teamNames are the names of teams as operators are shown them. Every write of a conversation shows one, and they hardly ever change: a name
// that is a minute old saves each of them a round trip.
type teamNames struct {
	known *lru.Cache[handoff.ID, teamName]
}

type teamName struct {
	name  string
	until time.Time
}

const (
	teamNamesKept = 10_000
	teamNameLife  = time.Minute
)

func newTeamNames() *teamNames {
	known, err := lru.New[handoff.ID, teamName](teamNamesKept)
	if err != nil {
		panic(err) // it refuses sizes that are not positive, and nothing else
	}
	return &teamNames{known}
}

// teamRef names a team of the account, deleted ones too.
func (l *locked) teamRef(ctx context.Context, id handoff.ID) (*TeamRef, error) {
	if l.team != nil && l.team.ID == id {
		return &TeamRef{ID: id, Name: l.team.Name}, nil
	}
	if found, ok := l.teams.known.Get(id); ok && l.now.Before(found.until) {
		return &TeamRef{ID: id, Name: found.name}, nil
	}
	row, err := l.q.TeamGetAny(ctx, dbsqlc.TeamGetAnyParams{AccountID: l.ref.AccountID, ID: id})
	if errors.Is(err, pgx.ErrNoRows) {
		return &TeamRef{ID: id}, nil
	}
	if err != nil {
		return nil, err
	}
	l.teams.known.Add(id, teamName{row.Name, l.now.Add(teamNameLife)})
	return &TeamRef{ID: id, Name: row.Name}, nil
}
