package workflowclient

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	lru "github.com/hashicorp/golang-lru/v2"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

// summaryLimit is in bytes: Temporal refuses a start whose summary is longer than 400.
const summaryLimit = 300

// summary is what stands beside a workflow's name in lists. A database that is away takes nothing from it but the words.
func (c *Client) summary(ctx context.Context, in workflows.ConversationInput) string {
	if c.Inbox != nil {
		if name, protocol, err := c.Inbox(ctx, in.InboxID); err == nil {
			return cut(workflows.Markdown(name), summaryLimit) + " (" + string(protocol) + ")"
		}
	}
	return "inbox " + in.InboxID.String()
}

// details are what the page of a workflow says of it for as long as it is there.
func details(in workflows.ConversationInput) string {
	return fmt.Sprintf("The conversations of one contact in one inbox, one run for each. A run ends when its conversation is over and every webhook has left.\n\n"+
		"Contact `%s`, inbox `%s`, account `%s`.", in.ContactID, in.InboxID, in.AccountID)
}

func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return strings.TrimRight(text[:limit], "\\") + "…"
}

const (
	inboxesKept = 10_000
	// inboxLife is how long an inbox may be shown under its old name.
	inboxLife = time.Minute
)

type inboxLabel struct {
	name     string
	protocol handoff.Protocol
	until    time.Time
}

// Inboxes names inboxes from the database, each of them at most once a minute: a signal is sent for every flag that intake raises.
func Inboxes(database db.DB, now func() time.Time) func(context.Context, handoff.ID) (string, handoff.Protocol, error) {
	known, err := lru.New[handoff.ID, inboxLabel](inboxesKept)
	if err != nil {
		panic(err) // it refuses sizes that are not positive, and nothing else
	}
	return func(ctx context.Context, id handoff.ID) (string, handoff.Protocol, error) {
		if found, ok := known.Get(id); ok && now().Before(found.until) {
			return found.name, found.protocol, nil
		}
		row, err := dbsqlc.New(database).InboxGetAny(ctx, id)
		if err != nil {
			return "", "", fmt.Errorf("name inbox %s: %w", id, err)
		}
		known.Add(id, inboxLabel{row.Name, row.Protocol, now().Add(inboxLife)})
		return row.Name, row.Protocol, nil
	}
}
