package workflows

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"handoff"
	"handoff/activities"
)

// operatorSignal is one of the signals that operators send from the Temporal UI. Whatever is in it, it fails nothing: what is wrong with
// it, or why it was refused, is told in the current details.
type operatorSignal struct {
	name, action string
	channel      workflow.ReceiveChannel
	// read makes the command of a payload that was decoded by decode.
	read func(decode func(any) error) (*command, Operated, error)
}

// wordsLimit is how long what an operator calls themselves and gives as a reason may be, in characters.
const wordsLimit = 200

// listen opens the channels of operators' signals.
func (c *conversation) listen(ctx workflow.Context) {
	for _, s := range []struct {
		name, action, description string
		read                      func(func(any) error) (*command, Operated, error)
	}{
		{
			ResolveSignal, "resolve-conversation",
			`End the conversation that is open, with the reason admin. The payload may be empty, or {"by": "your name", "reason": "why"}.`, c.readResolve,
		},
		{
			SkipDeliverySignal, "skip-delivery",
			`Give up a webhook that is stuck, so that those behind it go on. The payload may be empty: then the first of every lane that fails is meant. ` +
				`Or {"delivery_id": "…", "by": "your name", "reason": "why"}.`, c.readSkip,
		},
		{
			RetryDeliverySignal, "retry-delivery",
			`Try a webhook that is stuck now. The payload may be empty: then the first of every lane that fails is meant. ` +
				`Or {"delivery_id": "…", "by": "your name", "reason": "why"}.`, c.readRetry,
		},
		{
			ReassignSignal, "reassign-conversation",
			`Give the conversation to an agent or to a team's line: {"agent_id": "…"} or {"team_id": "…"}, with "by" and "reason". ` +
				`With an empty payload it goes back to the line.`, c.readReassign,
		},
	} {
		channel := workflow.GetSignalChannelWithOptions(ctx, s.name, workflow.SignalChannelOptions{Description: s.description})
		c.signals = append(c.signals, &operatorSignal{name: s.name, action: s.action, channel: channel, read: s.read})
	}
}

func (c *conversation) signalled() bool {
	for _, s := range c.signals {
		if s.channel.Len() > 0 {
			return true
		}
	}
	return false
}

func (c *conversation) collectSignals(ctx workflow.Context) {
	for _, s := range c.signals {
		for s.channel.Len() > 0 {
			var raw converter.RawValue
			s.channel.ReceiveAsync(&raw)
			c.commands = append(c.commands, c.commandOf(ctx, s, raw))
		}
	}
}

// commandOf is the command of a signal. One that cannot be read becomes a command that is refused.
func (c *conversation) commandOf(ctx workflow.Context, s *operatorSignal, raw converter.RawValue) *command {
	c.sent++
	cmd, from, err := s.read(func(into any) error { return decode(raw, into) })
	if err == nil {
		err = checkWords(from)
	}
	if err != nil {
		cmd, from = &command{err: applicationError(err)}, Operated{}
	}
	from.CommandID = c.signalID(ctx, from.CommandID)
	cmd.signal, cmd.operator = s.name, &activities.Operator{By: from.By, Reason: from.Reason, Action: s.action}
	cmd.input.CommandID, cmd.input.Actor = from.CommandID, handoff.Actor{Admin: true}
	return cmd
}

// signalID is under what the command of a signal is carried out once.
func (c *conversation) signalID(ctx workflow.Context, given string) string {
	switch {
	case given == "":
		// Every signal has its number in the run, and a task that is run again counts alike. A reset sends the signals of a run again to one
		// with another id: what they ended or gave up then is not what they would end or give up now.
		info := workflow.GetInfo(ctx)
		return "signal:" + cmp.Or(info.OriginalRunID, info.WorkflowExecution.RunID) + ":" + strconv.Itoa(c.sent)
	case strings.HasPrefix(given, activities.ErasureCommand):
		return given
	}
	// The same signal may be sent to many conversations, as a batch operation does, and means each of them.
	return given + " for " + ConversationID(c.in.InboxID, c.in.ContactID)
}

// decode reads a payload as the Temporal UI sends it: JSON, or nothing. A field that nobody knows is refused, because a name that is
// misspelt would be a field that is absent, which means something else.
func decode(raw converter.RawValue, into any) error {
	payload := raw.Payload()
	data := bytes.TrimSpace(payload.GetData())
	if len(data) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	// The linter means the caches of encoding/json: the same bytes always make the same struct.
	err := decoder.Decode(into) //workflowcheck:ignore
	if err != nil {
		return handoff.Errorf(handoff.CodeMalformed, "the payload cannot be read: %s", err)
	}
	_, err = decoder.Token() //workflowcheck:ignore
	if !errors.Is(err, io.EOF) {
		return handoff.Errorf(handoff.CodeMalformed, "the payload cannot be read: there is something behind the JSON object")
	}
	return nil
}

func checkWords(from Operated) error {
	for _, text := range []string{from.By, from.Reason, from.CommandID} {
		if utf8.RuneCountInString(text) > wordsLimit {
			return handoff.Errorf(handoff.CodeInvalid, "a field is too long: by, reason and command_id may have %d characters", wordsLimit)
		}
	}
	return nil
}

// idIn reads an id that may be absent.
func idIn(name, text string) (*handoff.ID, error) {
	if text == "" {
		return nil, nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, handoff.Errorf(handoff.CodeInvalid, "%s is no id: it looks like 01a1fce1-8dee-7009-a2bf-481a17be586a", name)
	}
	return &id, nil
}

func (c *conversation) readResolve(decode func(any) error) (*command, Operated, error) {
	var in ResolveInput
	err := decode(&in)
	from := Operated{By: in.By, Reason: in.Reason, CommandID: in.CommandID}
	return &command{input: in.CommandInput, run: func(ctx workflow.Context, base activities.Command) (activities.Result, error) {
		return local(ctx, "resolve", a.End, activities.EndCommand{
			Command: base, Reason: handoff.EndAdmin, Disposition: in.Disposition,
		})
	}}, from, err
}

func (c *conversation) readSkip(decode func(any) error) (*command, Operated, error) {
	var in DeliverySignal
	if err := decode(&in); err != nil {
		return nil, in.Operated, err
	}
	id, err := idIn("delivery_id", in.DeliveryID)
	return c.skip(id), in.Operated, err
}

// skip gives deliveries up. Whatever a lane waited for, it looks again.
func (c *conversation) skip(id *handoff.ID) *command {
	return &command{anyway: true, run: func(ctx workflow.Context, base activities.Command) (activities.Result, error) {
		result, err := local(ctx, "skip delivery", a.SkipDelivery, activities.LaneCommand{Command: base, DeliveryID: id})
		if err == nil && result.Refused == nil {
			for _, id := range c.order {
				c.lanes[id].again()
			}
		}
		return result, err
	}}
}

func (c *conversation) readRetry(decode func(any) error) (*command, Operated, error) {
	var in DeliverySignal
	if err := decode(&in); err != nil {
		return nil, in.Operated, err
	}
	id, err := idIn("delivery_id", in.DeliveryID)
	return &command{anyway: true, run: func(ctx workflow.Context, base activities.Command) (activities.Result, error) {
		return local(ctx, "retry delivery", a.RetryDelivery, activities.LaneCommand{Command: base, DeliveryID: id})
	}}, in.Operated, err
}

func (c *conversation) readReassign(decode func(any) error) (*command, Operated, error) {
	var in ReassignInput
	if err := decode(&in); err != nil {
		return nil, in.Operated, err
	}
	agent, err := idIn("agent_id", in.AgentID)
	if err != nil {
		return nil, in.Operated, err
	}
	team, err := idIn("team_id", in.TeamID)
	why := activities.Why{Reason: in.Reason}
	return &command{run: func(ctx workflow.Context, base activities.Command) (activities.Result, error) {
		if agent == nil && team == nil {
			return local(ctx, "release", a.Release, activities.ReleaseCommand{Command: base, Why: why})
		}
		return local(ctx, "transfer", a.Transfer, activities.TransferCommand{
			Command: base, Transfer: activities.Transfer{AgentID: agent, TeamID: team, Why: why},
		})
	}}, in.Operated, err
}

// handleSkip registers the update by which a program gives a delivery up.
func (c *conversation) handleSkip(ctx workflow.Context) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, SkipUpdate, func(ctx workflow.Context, in SkipInput) (Outcome, error) {
		cmd := c.skip(&in.DeliveryID)
		cmd.input = in.CommandInput
		return c.queueCommand(ctx, cmd)
	}, workflow.UpdateHandlerOptions{Description: "Give up a webhook that is stuck, so that those behind it go on"})
}

// tell says what became of a signal, in the current details and in the log.
func (c *conversation) tell(ctx workflow.Context, cmd *command) {
	who := ""
	if cmd.operator.By != "" {
		who = " by " + Markdown(cmd.operator.By)
	}
	text := fmt.Sprintf("**Last signal:** %s%s at %s: ", cmd.signal, who, moment(workflow.Now(ctx)))
	switch {
	case cmd.err != nil:
		text += "refused because " + Markdown(messageOf(cmd.err)) + "."
		workflow.GetLogger(ctx).Warn("an operator's signal was refused", "signal", cmd.signal, "command", cmd.input.CommandID, "error", cmd.err)
	case cmd.deliveries > 0 && cmd.signal == SkipDeliverySignal:
		text += count(cmd.deliveries, "webhook was", "webhooks were") + " given up."
	case cmd.deliveries > 0:
		text += count(cmd.deliveries, "webhook is", "webhooks are") + " tried now."
	default:
		text += "done."
	}
	c.told = text
}

// messageOf is the sentence of a refusal, without its code.
func messageOf(err error) string {
	var refusal activities.Refusal
	var refused interface{ Details(d ...any) error }
	if errors.As(err, &refused) && refused.Details(&refusal) == nil {
		return refusal.Message
	}
	return err.Error()
}

// moment is a time as operators read it.
func moment(t time.Time) string { return t.UTC().Format(time.DateTime) + " UTC" }
