package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db/dbsqlc"
)

const (
	overdueAfter = time.Minute
	// The ledger looks every ten minutes.
	ledgerLate   = 30 * time.Minute
	shownAtMost  = 5
	repairedLast = 24 * time.Hour
)

func stateChecks() []Check {
	base := []string{"database_schema"}
	return []Check{
		{Name: "wakes", Looks: "no conversation has waited for more than a minute to be woken", Needs: base, run: checkWakes},
		{Name: "held_deliveries", Looks: "nothing is held for a disabled endpoint", Needs: base, run: checkHeld},
		{Name: "disabled_endpoints", Looks: "no endpoint is disabled", Needs: base, run: checkDisabled},
		{Name: "ledger", Looks: "the ledger has looked within half an hour, and has no open gap, nor any that was repaired within a day", Needs: base, run: checkLedger},
	}
}

func checkWakes(ctx context.Context, v *visit) []Finding {
	row, err := dbsqlc.New(v.pool).MetricsWakes(ctx, v.Now())
	if err != nil {
		return unread(err)
	}
	if late := v.Now().Sub(row.DueAt); late > overdueAfter {
		return fail(fmt.Sprintf("%d contacts wait for their conversation to be woken, the first for %s", row.Raised, late.Round(time.Second)),
			"no serve runs, or none reaches Temporal", "start `handoff serve`, and see its log; nothing is lost")
	}
	return ok("%d contacts have something to be applied, and none waits", row.Raised)
}

func checkHeld(ctx context.Context, v *visit) []Finding {
	const counted = 10_000
	row, err := dbsqlc.New(v.pool).MetricsBacklog(ctx, counted)
	if err != nil {
		return unread(err)
	}
	if row.Held > 0 {
		return warn(fmt.Sprintf("%d deliveries are held", row.Held), "their endpoints are disabled", "enable the endpoints, which sends what is held; deleting them drops it")
	}
	return ok("nothing is held; %d deliveries are on their way", row.Pending)
}

func checkDisabled(ctx context.Context, v *visit) []Finding {
	rows, err := dbsqlc.New(v.pool).DoctorDisabled(ctx, askedAtMost)
	if err != nil {
		return unread(err)
	}
	if len(rows) == 0 {
		return ok("no endpoint is disabled")
	}
	var named []string
	for _, row := range rows[:min(len(rows), shownAtMost)] {
		reason := "by an admin"
		if row.DisabledReason != nil && *row.DisabledReason != "" {
			reason = *row.DisabledReason
		}
		named = append(named, fmt.Sprintf("%s (%s)", row.ID, reason))
	}
	return warn(fmt.Sprintf("%d endpoints are disabled: %s", len(rows), strings.Join(named, ", ")), "see the reason of each",
		"see to the receiver and enable the endpoint: handoff endpoint update --state enabled, or PATCH /v1/endpoints/{id}")
}

func checkLedger(ctx context.Context, v *visit) []Finding {
	q := dbsqlc.New(v.pool)
	rows, err := q.LedgerGapCounts(ctx, v.Now().Add(-repairedLast))
	if err != nil {
		return unread(err)
	}
	var open, repaired []string
	for _, row := range rows {
		text := fmt.Sprintf("%d %s", row.Gaps, row.Kind)
		if row.Repaired {
			repaired = append(repaired, text)
		} else {
			open = append(open, text)
		}
	}
	slices.Sort(open)
	slices.Sort(repaired)
	var out []Finding
	if len(open) > 0 {
		out = append(out, fail("the ledger has open gaps: "+strings.Join(open, ", "), "rows were lost or changed by hand, or the software has a fault",
			"GET /v1/ledger/gaps?state=open says of each what to do; docs/doctor.md explains the kinds")...)
	}
	if len(repaired) > 0 {
		out = append(out, warn("the ledger has repaired gaps since yesterday: "+strings.Join(repaired, ", "), "a process died at a bad moment, or rows were changed by hand",
			"GET /v1/ledger/gaps shows them; where they come again, report them with the log of that time")...)
	}
	mark, err := q.LedgerMark(ctx, "events")
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		out = append(out, warn("the ledger has never looked", "no worker has run since handoff was installed or upgraded", "start `handoff worker`; the first look comes within ten minutes")...)
	case err != nil:
		return unread(err)
	case v.Now().Sub(mark.LookedAt) > ledgerLate:
		out = append(out, warn("the ledger looked "+v.Now().Sub(mark.LookedAt).Round(time.Minute).String()+" ago the last time", "its schedule is paused, or its workflow fails",
			"open the workflow Ledger in the Temporal UI")...)
	}
	if len(out) == 0 {
		return ok("the ledger has no gap of %d kinds", len(handoff.GapKinds))
	}
	return out
}
