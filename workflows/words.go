package workflows

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"handoff"
)

// words say, for the operator who looks at the page, who has the conversation and what it waits for. They are Markdown.
func (c *conversation) words(now time.Time) string {
	parts := []string{c.holder()}
	if c.now.Open() {
		parts = append(parts, c.offered(), c.awaited(), c.timers())
	}
	parts = append(parts, c.webhooks(now), c.downloads(), c.told, c.link())
	var said []string
	for _, part := range parts {
		if part != "" {
			said = append(said, part)
		}
	}
	return strings.Join(said, "\n\n")
}

// holder says who has the conversation, since when, and in whose line it stands.
func (c *conversation) holder() string {
	switch {
	case c.now == nil:
		return "No conversation."
	case !c.now.Open():
		return fmt.Sprintf("Ended (%s)%s.", c.now.EndReason, since(c.now.ControlSince))
	}
	who, text := "nobody", ""
	if c.now.Assignee != nil {
		who = Markdown(c.now.Assignee.Name)
	}
	switch {
	case c.now.Status == handoff.StatusBot:
		text = "The bot has control"
	case c.now.Status == handoff.StatusSnoozed && c.now.SnoozedUntil == nil:
		text = fmt.Sprintf("Snoozed until the contact writes; %s has it", who)
	case c.now.Status == handoff.StatusSnoozed:
		text = fmt.Sprintf("Snoozed until %s; %s has it", moment(*c.now.SnoozedUntil), who)
	case c.now.Assignee != nil:
		text = "Assigned to " + who
	default:
		text = "Waiting for a person"
	}
	text += since(c.now.ControlSince)
	if c.now.Team != nil {
		text += ", team " + Markdown(c.now.Team.Name)
	}
	return text + "."
}

func since(t *time.Time) string {
	if t == nil {
		return ""
	}
	return " since " + moment(*t)
}

func (c *conversation) offered() string {
	if c.now.Offer == nil {
		return ""
	}
	who := "the bot"
	if c.now.Offer.Agent != nil {
		who = Markdown(c.now.Offer.Agent.Name)
	}
	return fmt.Sprintf("Offered to %s until %s.", who, moment(c.now.Offer.ExpiresAt))
}

func (c *conversation) awaited() string {
	if c.now.AwaitingSince == nil {
		return ""
	}
	return "The contact waits for an answer" + since(c.now.AwaitingSince) + "."
}

func (c *conversation) timers() string {
	var lines []string
	if c.now.Next != nil {
		lines = append(lines, fmt.Sprintf("Next: %s, at %s.", timerSummaries[c.now.Next.Kind], moment(c.now.Next.At)))
	}
	if c.now.WindowExpiresAt != nil && !c.now.Windowless {
		lines = append(lines, fmt.Sprintf("WhatsApp takes free-form replies until %s.", moment(*c.now.WindowExpiresAt)))
	}
	if c.now.NoticeAt != nil {
		lines = append(lines, fmt.Sprintf("Endpoints are told of the silence at %s.", moment(*c.now.NoticeAt)))
	}
	if c.now.InactiveAt != nil {
		lines = append(lines, fmt.Sprintf("Ends by inactivity at %s unless somebody writes.", moment(*c.now.InactiveAt)))
	}
	return strings.Join(lines, "\n\n")
}

// webhooks say what is to be sent, and what keeps it from leaving.
func (c *conversation) webhooks(now time.Time) string {
	var lines []string
	for _, id := range c.order {
		l := c.lanes[id]
		if l.pending == 0 {
			continue
		}
		text := fmt.Sprintf("- %s for %s", count(int(l.pending), "webhook", "webhooks"), code(l.host))
		if l.trouble != "" {
			text += l.failing(now)
		}
		lines = append(lines, text+".")
	}
	return strings.Join(lines, "\n")
}

// failing says how long the lane's first delivery has failed, how, and when it is tried next.
func (l *lane) failing(now time.Time) string {
	verb := "fails"
	if l.stuck {
		verb = "**is stuck**"
	}
	text := fmt.Sprintf(": the first one %s%s (%s)", verb, since(l.since), Markdown(l.trouble))
	if l.nextAt != nil && l.nextAt.After(now) {
		text += ", next attempt at " + moment(*l.nextAt)
	}
	return text + ". As of " + moment(now) + "; the pending activity says what came later"
}

func (c *conversation) downloads() string {
	if len(c.files) == 0 {
		return ""
	}
	return count(len(c.files), "file of the contact's is", "files of the contact's are") + " being fetched."
}

// link leads to the conversation in the agents' client, or in the API, where the operator has said where that is.
func (c *conversation) link() string {
	if c.label == nil || c.label.URL == "" || c.now == nil {
		return ""
	}
	return "[Open the conversation](<" + strings.ReplaceAll(c.label.URL, "{conversation_id}", c.now.ID.String()) + ">)"
}

func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + more
}

// unsafe are the characters by which Markdown makes something of a text. The colon and the at sign are among them because UIs make links
// of addresses.
var unsafe = strings.NewReplacer(
	"\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "<", "\\<", ">", "\\>", "#", "\\#", "|", "\\|", "~", "\\~",
	"&", "\\&", "!", "\\!", "://", "\\://", "@", "\\@", "www.", "www\\.", "\r", " ", "\n", " ", "\t", " ",
)

// Markdown is a text of somebody else's, such as the name of an agent, as Markdown that shows it and makes nothing of it.
func Markdown(text string) string { return unsafe.Replace(strings.TrimSpace(text)) }

// code is a host as Markdown. Nothing in it is made a link of.
func code(text string) string { return "`" + strings.ReplaceAll(text, "`", "") + "`" }
