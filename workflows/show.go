package workflows

import (
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"handoff"
)

// attributes are the search attributes as they were written last.
type attributes struct {
	status   handoff.Status
	assignee string
	team     string
	trouble  string // hosts, one a line
	whole    bool   // all of them are written
}

// show keeps what an operator sees up to date: the details in words, which are free, and the search attributes, which are an
// event each and so are written only when the status, the assignee, the team or the trouble changes.
func (c *conversation) show(ctx workflow.Context) {
	if text := c.words(workflow.Now(ctx)); text != c.shown {
		workflow.SetCurrentDetails(ctx, text)
		c.shown = text
	}
	if c.now == nil {
		return
	}
	labels := attributes{status: c.now.Status}
	if c.now.Assignee != nil {
		labels.assignee = c.now.Assignee.ID.String()
	}
	// Runs that began before there were more attributes know no label, and go on as they began. A version marker would tell them apart
	// as well, for two events more in every run.
	if labels.whole = c.label != nil; labels.whole {
		labels.trouble = strings.Join(c.trouble(), "\n")
		if c.now.Team != nil {
			labels.team = c.now.Team.ID.String()
		}
	}
	if labels == c.labels {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, c.attributes(labels)...); err != nil {
		workflow.GetLogger(ctx).Error("write search attributes", "error", err)
		return
	}
	c.labels = labels
}

func (c *conversation) attributes(labels attributes) []temporal.SearchAttributeUpdate {
	updates := []temporal.SearchAttributeUpdate{
		InboxAttribute.ValueSet(c.in.InboxID.String()), StatusAttribute.ValueSet(string(labels.status)),
		LastActivityAttribute.ValueSet(c.now.LastActivityAt), keyword(AssigneeAttribute, labels.assignee),
	}
	if !labels.whole {
		return updates
	}
	trouble := TroubleAttribute.ValueUnset()
	if labels.trouble != "" {
		trouble = TroubleAttribute.ValueSet(strings.Split(labels.trouble, "\n"))
	}
	return append(updates, AccountAttribute.ValueSet(c.in.AccountID.String()), keyword(TeamAttribute, labels.team), trouble)
}

func keyword(key temporal.SearchAttributeKeyKeyword, value string) temporal.SearchAttributeUpdate {
	if value == "" {
		return key.ValueUnset()
	}
	return key.ValueSet(value)
}

// trouble names the hosts at which webhooks are stuck.
func (c *conversation) trouble() []string {
	var hosts []string
	for _, id := range c.order {
		if l := c.lanes[id]; l.pending > 0 && l.stuck {
			hosts = append(hosts, l.host)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}
