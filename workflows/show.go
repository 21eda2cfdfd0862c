package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"handoff"
)

// attributes are the search attributes as they were written last.
type attributes struct {
	status   handoff.Status
	assignee string
}

// show keeps what an operator sees up to date: the details in words, which are free, and the search attributes, which are an
// event each and so are written only when the status or the assignee changes.
func (c *conversation) show(ctx workflow.Context) {
	if text := c.words(); text != c.shown {
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
	if labels == c.labels {
		return
	}
	updates := []temporal.SearchAttributeUpdate{
		InboxAttribute.ValueSet(c.in.InboxID.String()), StatusAttribute.ValueSet(string(labels.status)),
		LastActivityAttribute.ValueSet(c.now.LastActivityAt), AssigneeAttribute.ValueUnset(),
	}
	if labels.assignee != "" {
		updates[len(updates)-1] = AssigneeAttribute.ValueSet(labels.assignee)
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Error("write search attributes", "error", err)
		return
	}
	c.labels = labels
}

// words says what the conversation waits for.
func (c *conversation) words() string {
	var parts []string
	switch {
	case c.now == nil:
		parts = append(parts, "No conversation.")
	case !c.now.Open():
		parts = append(parts, fmt.Sprintf("Ended (%s).", c.now.EndReason))
	default:
		parts = append(parts, c.holder())
	}
	if offer := c.offered(); offer != "" {
		parts = append(parts, offer)
	}
	if c.now.Open() && c.now.Next != nil {
		parts = append(parts, fmt.Sprintf("Next: %s, at %s.", timerSummaries[c.now.Next.Kind], c.now.Next.At.UTC().Format(time.DateTime)))
	}
	if c.now.Open() && c.now.InactiveAt != nil {
		parts = append(parts, fmt.Sprintf("Ends by inactivity at %s unless somebody writes.", c.now.InactiveAt.UTC().Format(time.DateTime)))
	}
	for _, id := range c.order {
		l := c.lanes[id]
		if l.pending == 0 {
			continue
		}
		text := fmt.Sprintf("%d webhooks for %s", l.pending, l.host)
		if l.trouble != "" {
			text += " (" + l.trouble + ")"
		}
		parts = append(parts, text+".")
	}
	return strings.Join(parts, "\n\n")
}

// holder says who has the open conversation.
func (c *conversation) holder() string {
	who := "nobody"
	if c.now.Assignee != nil {
		who = c.now.Assignee.Name
	}
	switch {
	case c.now.Status == handoff.StatusBot:
		return "The bot has control."
	case c.now.Status == handoff.StatusSnoozed && c.now.SnoozedUntil == nil:
		return fmt.Sprintf("Snoozed until the contact writes; %s has it.", who)
	case c.now.Status == handoff.StatusSnoozed:
		return fmt.Sprintf("Snoozed until %s; %s has it.", c.now.SnoozedUntil.UTC().Format(time.DateTime), who)
	case c.now.Assignee != nil:
		return fmt.Sprintf("Assigned to %s.", who)
	}
	return "Waiting for a person."
}

func (c *conversation) offered() string {
	switch {
	case !c.now.Open() || c.now.Offer == nil:
		return ""
	case c.now.Offer.Agent == nil:
		return "Offered to the bot."
	}
	return fmt.Sprintf("Offered to %s.", c.now.Offer.Agent.Name)
}
