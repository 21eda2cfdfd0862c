package db_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
)

// Whatever two bodies say of the same person at once, they are one contact, as they were one after the other.
func TestBodiesThatIntroduceTheSamePersonAtOnceMakeOneContact(t *testing.T) {
	t.Parallel()
	for name, described := range map[string][]known{
		"in both forms of a number":              {{byPhone("5541988887777")}, {byPhone("554188887777")}},
		"by bsuid and phone, and by phone alone": {{byBSUID("GB.1"), byPhone("44771")}, {byPhone("44771")}},
		"by a bsuid with either of two phones":   {{byBSUID("GB.1"), byPhone("44771")}, {byBSUID("GB.1"), byPhone("44772")}},
		"by session and phone":                   {{bySession("s"), byPhone("525512345678")}, {byPhone("5215512345678"), byBSUID("MX.1")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := crowded(t)
			requireNone(t, inParallel(24, func(i int) error {
				_, err := acceptItems(w, w.DB, text(w, described[i%len(described)]...))
				return err
			}))
			require.Equal(t, 1, w.Count(t, "contacts", "true"))
			require.Equal(t, 24, w.Sum(t, "wakes", "last_intake"))
		})
	}
}

func TestOfTwoPeopleWithOneUsernameOnlyOneBecomesTheContactThatIsKnownByItAlone(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	contact := writes(t, w, known{byUsername("ann")})[0]
	requireNone(t, inParallel(16, func(i int) error {
		_, err := acceptItems(w, w.DB, text(w, byBSUID(fmt.Sprintf("GB.%d", i%2)), byUsername("ann")))
		return err
	}))
	require.Equal(t, 2, w.Count(t, "contacts", "true"))
	require.Equal(t, 1, w.Count(t, "contact_identities", "contact_id = $1 AND kind = 'bsuid'", contact))
	require.Equal(t, 3, w.Count(t, "contact_identities", "true"))
}

func TestBodiesThatIntroduceTheSamePeopleInAnyOrderDoNotDeadlock(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	const people, bodies = 20, 12
	requireNone(t, inParallel(bodies, func(i int) error {
		var items []handoff.Item
		for n := range people {
			who := (n*(2*i+1) + i) % people
			number := fmt.Sprintf("55419%08d", 80000000+who)
			if (i+n)%2 == 0 {
				number = number[:4] + number[5:]
			}
			identities := known{byPhone(number)}
			if (i+n)%3 == 0 {
				identities = append(identities, byBSUID(fmt.Sprintf("BR.%d", who)), byUsername(fmt.Sprintf("user%d", who%7)))
			}
			items = append(items, text(w, identities...))
		}
		_, err := acceptItems(w, w.DB, items...)
		return err
	}))
	require.Equal(t, people, w.Count(t, "contacts", "true"))
	require.Equal(t, people, w.Count(t, "contact_identities", "kind = 'phone'"))
	require.Equal(t, bodies*people, w.Sum(t, "wakes", "last_intake"))
}

// Only who introduces somebody waits for others who do: what contacts have written before goes on.
func TestAKnownContactWaitsForNoNewOne(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	pool, err := db.Open(t.Context(), url, 4)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	impatient, err := db.Open(t.Context(), url+"&lock_timeout=100ms", 4)
	require.NoError(t, err)
	t.Cleanup(impatient.Close)
	w := fixture.New(t, pool)
	writes(t, w, known{byPhone("44771")})

	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	var items []handoff.Item
	for n := range 2000 { // all the locks that there are
		items = append(items, text(w, byPhone(fmt.Sprintf("44770%06d", n))))
	}
	_, err = acceptItems(w, tx, items...)
	require.NoError(t, err)
	_, err = acceptItems(w, impatient, text(w, byPhone("44772")))
	require.ErrorContains(t, err, "lock timeout")
	_, err = acceptItems(w, impatient, text(w, byPhone("44771")))
	require.NoError(t, err)
}
