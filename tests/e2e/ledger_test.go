package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/internal/protocol/hitlchat"
)

// older moves what is younger than the ledger looks at twenty minutes back: its age is in its id.
const older = `DO $$
DECLARE place record;
BEGIN
	SET LOCAL session_replication_role = replica; -- ids are moved together, and keys do not have to hold meanwhile
	FOR place IN
		SELECT c.table_name, c.column_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.data_type = 'uuid'
			AND (c.column_name IN ('event_id', 'message_id', 'delivery_id', 'receipt_id', 'last_message_id', 'after_id', 'retry_of')
				OR c.column_name = 'id' AND c.table_name IN ('events', 'messages', 'deliveries', 'receipts'))
	LOOP
		EXECUTE format('UPDATE %1$I SET %2$I = (lpad(to_hex((''x'' || substr(replace(%2$I::text, ''-'', ''''), 1, 12))::bit(48)::bigint - 1200000), 12, ''0'')
			|| substr(replace(%2$I::text, ''-'', ''''), 13))::uuid
			WHERE (''x'' || substr(replace(%2$I::text, ''-'', ''''), 1, 12))::bit(48)::bigint > extract(epoch FROM now()) * 1000 - 600000', place.table_name, place.column_name);
	END LOOP;
END $$`

type gapView struct {
	Kind       string     `json:"kind"`
	ContactID  string     `json:"contact_id"`
	EndpointID string     `json:"endpoint_id"`
	RepairedAt *time.Time `json:"repaired_at"`
	Note       string     `json:"note"`
}

type doctorReport struct {
	Status   string `json:"status"`
	Findings []struct {
		Check  string `json:"check"`
		Status string `json:"status"`
		Says   string `json:"says"`
		Cure   string `json:"cure"`
	} `json:"findings"`
}

// of is what was found by a check: the statuses and what is said.
func (r doctorReport) of(check string) string {
	var lines []string
	for _, f := range r.Findings {
		if f.Check == check {
			lines = append(lines, f.Status+": "+f.Says)
		}
	}
	return strings.Join(lines, "\n")
}

// doctor runs the command with settings of its own behind those of the stack.
func (s *stack) doctor(flags ...string) (status int, out []byte) {
	s.Helper()
	cmd := exec.Command(binary(s.T), append([]string{"doctor"}, flags...)...)
	cmd.Env = append(os.Environ(), s.env...)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), out
	}
	require.NoError(s, err)
	return 0, out
}

func (s *stack) diagnosis() (int, doctorReport) {
	s.Helper()
	status, out := s.doctor("--output=json")
	var report doctorReport
	require.NoError(s, json.Unmarshal(out, &report), "%s", out)
	return status, report
}

// sql runs statements on the stack's database, in one transaction.
func (s *stack) sql(do func(tx pgx.Tx) error) {
	s.Helper()
	database, err := pgx.Connect(s.Context(), s.databaseURL)
	require.NoError(s, err)
	defer func() { require.NoError(s, database.Close(context.WithoutCancel(s.Context()))) }()
	require.NoError(s, pgx.BeginFunc(s.Context(), database, do))
}

func (s *stack) exec(statements ...string) {
	s.Helper()
	s.sql(func(tx pgx.Tx) error {
		for _, statement := range statements {
			if _, err := tx.Exec(s.Context(), statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
}

// audit makes everything old enough, starts the ledger's schedule at once, as an operator does, and gives what the run found.
func (o *operator) audit() activities.LedgerReport {
	o.Helper()
	o.exec(older)
	handle := o.client.ScheduleClient().GetHandle(o.Context(), "ledger")
	before, err := handle.Describe(o.Context())
	require.NoError(o, err)
	require.NoError(o, handle.Trigger(o.Context(), client.ScheduleTriggerOptions{}))
	var report activities.LedgerReport
	until(o.T, readyWithin, "the ledger has looked", func() bool {
		now, err := handle.Describe(o.Context())
		require.NoError(o, err)
		runs := now.Info.RecentActions
		if now.Info.NumActions == before.Info.NumActions || len(now.Info.RunningWorkflows) > 0 || len(runs) == 0 {
			return false
		}
		run := runs[len(runs)-1].StartWorkflowResult
		return o.client.GetWorkflow(o.Context(), run.WorkflowID, run.FirstExecutionRunID).Get(o.Context(), &report) == nil
	})
	return report
}

// TestAnOperatorSeesTheLedgerMendWhatIsLost loses a webhook's row and a wake-up, and miscounts a conversation, in a stack at work.
func TestAnOperatorSeesTheLedgerMendWhatIsLost(t *testing.T) {
	t.Parallel()
	s := newStack(t, "message.received", "outbound_message")
	o := s.operator()
	s.exec("UPDATE endpoints SET created_at = created_at - interval '1 day', updated_at = updated_at - interval '1 day'")
	for i := range 12 {
		into[receipt](t, s.post(text(fmt.Sprint("44770090012", i%3), fmt.Sprint("wamid.load", i), "Hello")), http.StatusOK)
	}
	s.webhook(12)
	conversations := into[list[conversation]](t, s.get("/v1/conversations"), http.StatusOK).Items
	require.Len(t, conversations, 3)
	into[message](t, s.command(s.anaKey, conversations[0].ID, "messages", []byte(`{"type":"text","text":"Hi"}`)), http.StatusCreated)
	s.webhook(13)
	report := o.audit()
	require.Empty(t, report.Found, "nothing is missing in what works")
	require.GreaterOrEqual(t, report.Events, 13)
	status, out := s.doctor()
	require.Zero(t, status, "%s", out)
	require.Contains(t, string(out), " 0 failed, 0 skipped")
	status, before := s.diagnosis()
	require.Zero(t, status)
	require.Equal(t, "ok: the ledger has no gap of 9 kinds", before.of("ledger"))

	// A webhook's row is lost.
	lost := conversations[0].Contact.ID
	s.exec("DELETE FROM delivery_attempts WHERE delivery_id = (SELECT id FROM deliveries WHERE event_type = 'message.received' AND contact_id = '"+lost+"' ORDER BY position DESC LIMIT 1)",
		"DELETE FROM deliveries WHERE id = (SELECT id FROM deliveries WHERE event_type = 'message.received' AND contact_id = '"+lost+"' ORDER BY position DESC LIMIT 1)",
		"UPDATE ledger_marks SET through = '00000000-0000-7000-8000-000000000000'")
	// A message is accepted, and its contact's flag lost with the signal.
	unwoken := s.acceptUnseen(conversations[1])
	// And a conversation counts an event too many.
	s.exec("UPDATE conversations SET last_seq = last_seq + 1 WHERE id = '" + conversations[2].ID + "'")
	report = o.audit()
	require.Equal(t, map[handoff.GapKind]int{handoff.GapNotWoken: 1, handoff.GapDeliveryMissing: 1, handoff.GapSequenceWrong: 1}, report.Found)
	require.Equal(t, map[handoff.GapKind]int{handoff.GapNotWoken: 1, handoff.GapDeliveryMissing: 1}, report.Repaired)

	s.webhook(15) // the lost one, and that of the message that was not seen
	var bodies []string
	for _, request := range s.gateway.Requests()[13:] {
		bodies = append(bodies, request.Body)
	}
	require.Contains(t, strings.Join(bodies, "\n"), unwoken)
	require.Contains(t, strings.Join(bodies, "\n"), lost)
	require.True(t, slices.ContainsFunc(s.messages(conversations[1].ID), func(m message) bool { return m.Text == unwoken }), "it is applied")
	s.gapsAreTold(lost)

	s.exec("UPDATE conversations SET last_seq = last_seq - 1 WHERE id = '" + conversations[2].ID + "'")
	report = o.audit()
	require.Equal(t, 1, report.Closed)
	require.Zero(t, report.Open)
	status, after := s.diagnosis()
	require.Zero(t, status)
	require.Equal(t, "warning: the ledger has repaired gaps since yesterday: 1 delivery_missing, 1 not_woken, 1 sequence_wrong", after.of("ledger"))
	status, _ = s.doctor("--strict")
	require.Equal(t, 1, status)
}

// acceptUnseen takes a message in as the API does, but for the flag and the signal. It gives its text.
func (s *stack) acceptUnseen(conv conversation) string {
	s.Helper()
	const words = "Does nobody come?"
	parsed, err := hitlchat.Parse([]byte(text(conv.Contact.Identities[0].Value, "wamid.unseen", words)))
	require.NoError(s, err)
	s.sql(func(tx pgx.Tx) error {
		_, err := db.Accept(s.Context(), tx, db.NewReceipt{
			AccountID: uuid.MustParse(s.account), Protocol: handoff.ProtocolHitlChat, Body: []byte("{}"), Items: parsed.Items, At: time.Now(),
		})
		if err != nil {
			return err
		}
		_, err = tx.Exec(s.Context(), "UPDATE wakes SET raised = false, next_signal_at = NULL WHERE contact_id = $1", conv.Contact.ID)
		return err
	})
	return words
}

// gapsAreTold looks in each of the places in which a gap is told.
func (s *stack) gapsAreTold(lost string) {
	s.Helper()
	gaps := into[list[gapView]](s.T, call(s.T, http.MethodGet, s.url+"/v1/ledger/gaps", s.adminKey, nil), http.StatusOK).Items
	kinds := map[string]gapView{}
	for _, gap := range gaps {
		kinds[gap.Kind] = gap
	}
	require.Len(s, gaps, 3)
	require.Len(s, kinds, 3)
	require.Equal(s, lost, kinds["delivery_missing"].ContactID)
	require.Equal(s, s.endpoint, kinds["delivery_missing"].EndpointID)
	require.NotNil(s, kinds["delivery_missing"].RepairedAt)
	require.NotNil(s, kinds["not_woken"].RepairedAt)
	require.Nil(s, kinds["sequence_wrong"].RepairedAt)
	require.NotEmpty(s, kinds["sequence_wrong"].Note)

	scrape := s.metrics(s.worker, "", s.workerURL())
	until(s.T, readyWithin, "the metric tells the gaps", func() bool {
		all := scrape()
		return strings.Contains(all, `handoff_ledger_gaps{kind="sequence_wrong",state="open"} 1`) &&
			strings.Contains(all, `handoff_ledger_gaps{kind="not_woken",state="repaired"} 1`)
	})
	var told []string
	for _, e := range pages[event](s.T, s.url+"/v1/events", s.adminKey) {
		if e.Type == "ledger.gap_found" {
			told = append(told, fmt.Sprint(e.Data["kind"]))
		}
	}
	require.ElementsMatch(s, []string{"delivery_missing", "not_woken", "sequence_wrong"}, told)
	type entry struct {
		Actor struct {
			Type string `json:"type"`
		} `json:"actor"`
	}
	entries := into[list[entry]](s.T, call(s.T, http.MethodGet, s.url+"/v1/audit-log?action=repair-ledger-gap", s.adminKey, nil), http.StatusOK).Items
	require.Len(s, entries, 2)
	require.Equal(s, "system", entries[0].Actor.Type)

	status, report := s.diagnosis()
	require.Equal(s, 1, status)
	require.Equal(s, "failed", report.Status)
	require.Contains(s, report.of("ledger"), "failed: the ledger has open gaps: 1 sequence_wrong\nwarning: the ledger has repaired gaps since yesterday: 1 delivery_missing, 1 not_woken")
}

// TestDoctorLooksAtASealedStackWithBuilds asks it what it finds while a build is rolled out, with what Temporal keeps sealed.
func TestDoctorLooksAtASealedStackWithBuilds(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	o := s.operator()
	for _, id := range []string{"ledger", "retention"} { // the sealed worker makes them anew
		until(t, readyWithin, "the worker has made the schedule "+id, func() bool {
			return o.client.ScheduleClient().GetHandle(t.Context(), id).Delete(t.Context()) == nil
		})
	}
	require.True(t, s.worker.signal(syscall.SIGTERM, readyWithin))
	s.env = append(s.env, "HANDOFF_SEAL_PAYLOADS=true")
	first := s.build("build-1")
	var report doctorReport
	until(t, readyWithin, "the worker polls and is not rolled out", func() bool {
		_, report = s.diagnosis()
		return strings.Contains(report.of("workers"), "they have the build build-1, and no build is the current one")
	})
	command(t, s.env, "rollout", "current", "build-1")
	until(t, readyWithin, "all is well", func() bool {
		_, report = s.diagnosis()
		return strings.HasPrefix(report.of("workers"), "ok: ") && report.of("temporal_schedules") == "ok: 2 schedules are there"
	})
	require.True(t, first.signal(syscall.SIGTERM, readyWithin))
	s.build("build-2")
	until(t, 2*time.Minute, "nobody is left of the build that gets the tasks", func() bool {
		_, report = s.diagnosis()
		return strings.Contains(report.of("workers"), "failed: no worker of the build build-1")
	})
}
