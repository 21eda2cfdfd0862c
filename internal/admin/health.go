package admin

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/graph"
	"handoff/internal/protocol"
	"handoff/internal/protocol/registry"
	"handoff/internal/secretbox"
)

// undeliveredFor is how long something may wait for an endpoint before that is a fault: most outages and deploys are over by then.
const undeliveredFor = 15 * time.Minute

// Health says whether an inbox can do its work now.
type Health struct {
	OK     bool                `json:"ok"`
	Checks []graph.CheckResult `json:"checks"`
}

func (h *Health) add(name string, ok bool, format string, args ...any) {
	h.Checks = append(h.Checks, graph.CheckResult{Name: name, OK: ok, Detail: fmt.Sprintf(format, args...)})
}

func (h *Health) skip(name, format string, args ...any) {
	h.Checks = append(h.Checks, graph.CheckResult{Name: name, OK: true, Skipped: true, Detail: fmt.Sprintf(format, args...)})
}

// InboxHealth looks at an inbox's credentials, as Meta sees them now, and at its endpoints.
func (a Admin) InboxHealth(ctx context.Context, account, id handoff.ID) (Health, error) {
	health := Health{Checks: []graph.CheckResult{}}
	q := dbsqlc.New(a.DB)
	inbox, err := q.InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: account, ID: id})
	if err != nil {
		return health, db.NotFound(err, "inbox")
	}
	p, _ := registry.Of(inbox.Protocol)
	if err := a.credentialHealth(ctx, &health, inbox); err != nil {
		return health, err
	}
	if err := endpointHealth(ctx, q, &health, inbox, p, a.now()); err != nil {
		return health, err
	}
	health.OK = !slices.ContainsFunc(health.Checks, func(c graph.CheckResult) bool { return !c.OK })
	return health, nil
}

func (a Admin) credentialHealth(ctx context.Context, h *Health, inbox dbsqlc.Inbox) error {
	token := len(inbox.AccessToken) > 0
	switch {
	case inbox.Protocol == handoff.ProtocolChatlayer:
		if token {
			h.add("access_token", true, "a token is saved; Chatlayer has no call that tries it")
		} else {
			h.add("access_token", false, "no access_token is saved: agents' replies cannot be sent to Chatlayer")
		}
		if inbox.ResumeCall == nil {
			h.skip("resume_call", "none is saved: the bot is not resumed when a conversation ends")
		}
		return nil
	case !isMeta(inbox.Protocol):
		return nil
	}
	if inbox.Protocol != handoff.ProtocolHitlChat && len(inbox.AppSecret) == 0 {
		h.add("app_secret", false, "no app_secret is saved: Meta's webhooks are refused, because they cannot be told from forged ones")
	}
	switch {
	case !token && inbox.Protocol == handoff.ProtocolHitlChat:
		h.add(graph.CheckToken, false, "no access_token is saved: customers' files cannot be fetched from Meta")
	case !token:
		h.add(graph.CheckToken, false, "no access_token is saved: nothing can be sent, and no file fetched")
	case a.Check == nil:
		h.skip(graph.CheckToken, "this server does not ask Meta")
	default:
		return a.metaHealth(ctx, h, inbox)
	}
	return nil
}

func (a Admin) metaHealth(ctx context.Context, h *Health, inbox dbsqlc.Inbox) error {
	token, err := a.open(inbox.AccessToken, secretbox.AccessToken(inbox.AccountID, inbox.ID))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	results, _, err := a.Check(ctx, token, inbox.WABAID, inbox.PhoneNumberID)
	if handoff.ErrorCode(err) == handoff.CodeUnavailable {
		h.add("meta", false, "%s", messageOf(err))
		return nil
	}
	h.Checks = append(h.Checks, results...)
	return err
}

func endpointHealth(ctx context.Context, q *dbsqlc.Queries, h *Health, inbox dbsqlc.Inbox, p protocol.Protocol, now time.Time) error {
	rows, err := q.EndpointListByInbox(ctx, dbsqlc.EndpointListByInboxParams{AccountID: inbox.AccountID, InboxID: inbox.ID})
	if err != nil {
		return err
	}
	backlog, err := q.EndpointBacklog(ctx, dbsqlc.EndpointBacklogParams{AccountID: inbox.AccountID, InboxID: inbox.ID})
	if err != nil {
		return err
	}
	carried := slices.ContainsFunc(rows, func(e dbsqlc.Endpoint) bool { return takesCarrier(e, p) })
	if p.Carrier != "" && !carried {
		h.add("endpoints", false, "no endpoint takes %s: agents cannot answer; add one", p.Carrier)
	}
	for _, row := range rows {
		var late dbsqlc.EndpointBacklogRow
		if i := slices.IndexFunc(backlog, func(b dbsqlc.EndpointBacklogRow) bool { return b.EndpointID == row.ID }); i >= 0 {
			late = backlog[i]
		}
		h.endpoint(row, late, now)
	}
	return nil
}

func takesCarrier(e dbsqlc.Endpoint, p protocol.Protocol) bool {
	if e.Transport != handoff.TransportWebhook || e.Payload == PayloadMeta {
		return false
	}
	family, _, _ := strings.Cut(p.Carrier, ".")
	return slices.ContainsFunc(e.EventTypes, func(t string) bool {
		return t == p.Carrier || (p.Name == handoff.ProtocolNative && (t == "*" || t == family+".*"))
	})
}

// endpoint says in one sentence how an endpoint does.
func (h *Health) endpoint(row dbsqlc.Endpoint, late dbsqlc.EndpointBacklogRow, now time.Time) {
	ok := row.State == handoff.EndpointEnabled
	parts := []string{hostOf(row.URL) + " is " + string(row.State)}
	if !ok {
		parts[0] += " (" + db.OrEmpty(row.DisabledReason) + ")"
	}
	if row.PausedUntil != nil && row.PausedUntil.After(now) {
		parts = append(parts, "its vendor asked for a pause until "+row.PausedUntil.UTC().Format(time.RFC3339))
	}
	if row.FailingSince != nil {
		parts = append(parts, fmt.Sprintf("it has failed %d times in a row since %s", row.Failures, row.FailingSince.UTC().Format(time.RFC3339)))
	}
	if row.OpenUntil != nil && row.OpenUntil.After(now) {
		parts = append(parts, "nothing is sent to it until "+row.OpenUntil.UTC().Format(time.RFC3339)+", because most of its latest attempts failed")
	}
	if row.LastSuccessAt != nil {
		parts = append(parts, "it last took something at "+row.LastSuccessAt.UTC().Format(time.RFC3339))
	} else {
		parts = append(parts, "it has taken nothing yet")
	}
	if late.Undelivered > 0 {
		age := now.Sub(late.OldestAt).Truncate(time.Second)
		ok = ok && age < undeliveredFor
		parts = append(parts, fmt.Sprintf("%d undelivered, the oldest for %s", late.Undelivered, age))
	}
	h.add("endpoint "+row.ID.String(), ok, "%s", strings.Join(parts, "; "))
}

// hostOf is what is shown of an address: the rest of a webhook's often is a credential.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
