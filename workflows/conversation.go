// Package workflows holds the deterministic half of the product: who holds a conversation, when it ends, and in which order its
// webhooks leave. It has no clock, no randomness, no I/O and no goroutine of its own; content never enters it.
package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"handoff"
	"handoff/activities"
)

// Conversation serves one contact of one inbox: it applies what was accepted, carries out commands, keeps the timer and drains
// the lanes. It completes when the conversation is over and nothing is left to send; if the contact writes before that, the run
// continues as new into the contact's next conversation, so that one run's history is one conversation.
//
// The rows decide. The workflow's state is a copy of them that every write brings up to date, so a run can begin at any moment
// from nothing but its input: after a reset, or with a Temporal store that was lost.
func Conversation(ctx workflow.Context, in ConversationInput) error {
	c := &conversation{in: in, lanes: map[handoff.ID]*lane{}}
	if err := c.setup(ctx); err != nil {
		return err
	}
	return c.run(ctx)
}

type conversation struct {
	in  ConversationInput
	now *activities.Conversation // what the rows say
	// served is the conversation of this run. When another one opens, the run is over.
	served handoff.ID

	lanes    map[handoff.ID]*lane
	order    []handoff.ID // of the lanes: maps have none
	commands []*command
	media    []*download  // in flight, in the order in which they were started
	files    []handoff.ID // to be fetched
	woken    bool

	timer       workflow.Future
	timerAt     time.Time
	timerKind   handoff.TimerKind // of the timers that the rows name themselves; empty for inactivity and notices of silence
	cancelTimer workflow.CancelFunc

	inbound workflow.ReceiveChannel
	signals []*operatorSignal
	sent    int // signals of operators, so far
	told    string
	label   *activities.Label // of the inbox; nil until it is known
	shown   string
	labels  attributes
}

func (c *conversation) setup(ctx workflow.Context) error {
	if err := workflow.SetQueryHandlerWithOptions(ctx, StateQuery, c.state, workflow.QueryHandlerOptions{
		Description: "The conversation, its lanes and its timer",
	}); err != nil {
		return err
	}
	c.inbound = workflow.GetSignalChannelWithOptions(ctx, InboundSignal, workflow.SignalChannelOptions{
		Description: "Something was accepted: apply it",
	})
	c.listen(ctx)
	return c.handleUpdates(ctx)
}

// run is the one loop: nothing but this awaits, and nothing but this writes.
func (c *conversation) run(ctx workflow.Context) error {
	// The signal that started the run is taken in first: one pass does for both.
	c.woken = true
	if err := c.collect(ctx); err != nil {
		return err
	}
	for {
		if err := c.apply(ctx); err != nil {
			return err
		}
		if err := c.carryOut(ctx); err != nil {
			return err
		}
		c.startLanes(ctx)
		c.startDownloads(ctx)
		c.armTimer(ctx)
		c.show(ctx)
		if c.finished(ctx) {
			if over, err := c.over(ctx); over || err != nil {
				return err
			}
			continue
		}
		if c.mustContinue(ctx) {
			return c.continueAsNew(ctx)
		}
		if err := workflow.Await(ctx, func() bool { return c.busy() || c.finished(ctx) }); err != nil {
			return err
		}
		if err := c.collect(ctx); err != nil {
			return err
		}
	}
}

// busy tells whether there is something to do.
func (c *conversation) busy() bool {
	if c.woken || len(c.commands) > 0 || c.inbound.Len() > 0 || c.signalled() {
		return true
	}
	if c.timer != nil && c.timer.IsReady() {
		return true
	}
	for _, id := range c.order {
		if c.lanes[id].done() {
			return true
		}
	}
	return slices.ContainsFunc(c.media, (*download).done)
}

// collect takes in what has happened.
func (c *conversation) collect(ctx workflow.Context) error {
	var inbound InboundInput
	for c.inbound.ReceiveAsync(&inbound) {
		c.woken = true
	}
	c.collectSignals(ctx)
	for _, id := range c.order {
		if err := c.collectLane(ctx, c.lanes[id]); err != nil {
			return err
		}
	}
	if err := c.collectDownloads(ctx); err != nil {
		return err
	}
	if c.timer != nil && c.timer.IsReady() {
		c.timer = nil
		// What was accepted comes first: the contact may have written in the very moment in which the timer fired.
		c.woken = true
		if c.now != nil { // or the contact has been erased, and nothing is due
			c.commands = append(c.commands, c.timeUp())
		}
	}
	return nil
}

// apply applies what was accepted. A pass that is not full has lowered the flag, under the lock under which intake raises it, so
// that whatever comes after it brings a signal of its own.
func (c *conversation) apply(ctx workflow.Context) error {
	for c.woken {
		snapshot, err := applyInbound(ctx, activities.ApplyInboundInput{Ref: c.in.Ref, Now: workflow.Now(ctx), Label: c.label == nil})
		if err != nil {
			return err
		}
		c.adopt(snapshot)
		c.woken = snapshot.More
	}
	return nil
}

// adopt makes the state what the rows say.
func (c *conversation) adopt(s activities.Snapshot) {
	c.now = s.Conversation
	if c.now != nil && c.served == (handoff.ID{}) {
		c.served = c.now.ID
	}
	if s.Label != nil {
		c.label = s.Label
	}
	c.seeLanes(s.Lanes)
	c.files = s.Media
}

// finished tells whether the run has nothing left to do. It looks at everything that may hold work, in one place: signals that
// were delivered and not read are lost if a run completes over them.
func (c *conversation) finished(ctx workflow.Context) bool {
	return !c.now.Open() && c.idle() && workflow.AllHandlersFinished(ctx)
}

// over has a last look before the run completes, for what was accepted and not signalled yet.
func (c *conversation) over(ctx workflow.Context) (bool, error) {
	c.woken = true
	if err := c.apply(ctx); err != nil {
		return false, err
	}
	return c.finished(ctx), nil
}

func (c *conversation) idle() bool {
	if c.woken || len(c.commands) > 0 || c.inbound.Len() > 0 || c.signalled() {
		return false
	}
	for _, id := range c.order {
		if c.lanes[id].wanted() {
			return false
		}
	}
	return len(c.media) == 0 && len(c.files) == 0
}

// mustContinue tells whether the run has grown long, or its conversation has been followed by another.
func (c *conversation) mustContinue(ctx workflow.Context) bool {
	next := c.now.Open() && c.now.ID != c.served
	return next || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
}

// continueAsNew goes on in a new run. A lane that waits for its next attempt is cancelled at once; one that is sending finishes
// its attempt. What is left to send stands in the rows.
func (c *conversation) continueAsNew(ctx workflow.Context) error {
	for _, id := range c.order {
		c.lanes[id].stop()
	}
	for _, d := range c.media {
		d.cancel()
	}
	if err := c.awaitStopped(ctx); err != nil {
		return err
	}
	for {
		if err := c.collect(ctx); err != nil {
			return err
		}
		if err := c.apply(ctx); err != nil {
			return err
		}
		if err := c.carryOut(ctx); err != nil {
			return err
		}
		if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) || len(c.commands) > 0 }); err != nil {
			return err
		}
		if c.inbound.Len() == 0 && !c.signalled() && len(c.commands) == 0 {
			break
		}
	}
	return workflow.NewContinueAsNewError(ctx, ConversationName, c.in)
}

// servedWhileStopping marks the runs that serve while they wait for what is under way.
const servedWhileStopping = "served-while-stopping"

// awaitStopped waits until nothing is under way any more. An endpoint may take seconds for its answer, and a file to be given up: who
// commands or writes meanwhile does not wait for that.
func (c *conversation) awaitStopped(ctx workflow.Context) error {
	if workflow.GetVersion(ctx, servedWhileStopping, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return workflow.Await(ctx, c.stopped)
	}
	for {
		if err := workflow.Await(ctx, func() bool { return c.stopped() || c.busy() }); err != nil || c.stopped() {
			return err
		}
		if err := c.collect(ctx); err != nil {
			return err
		}
		if err := c.apply(ctx); err != nil {
			return err
		}
		if err := c.carryOut(ctx); err != nil {
			return err
		}
	}
}

// stopped tells whether nothing is under way.
func (c *conversation) stopped() bool {
	return !slices.ContainsFunc(c.media, (*download).running) &&
		!slices.ContainsFunc(c.order, func(id handoff.ID) bool { return c.lanes[id].running() })
}

func (c *conversation) state() (State, error) {
	s := State{Conversation: c.now, Lanes: []LaneState{}, Details: c.shown}
	for _, id := range c.order {
		l := c.lanes[id]
		if l.wanted() {
			s.Lanes = append(s.Lanes, LaneState{EndpointID: id, Pending: l.pending, InFlight: l.running(), LastFailure: l.failure})
		}
	}
	if c.timer != nil {
		s.InactiveAt = &c.timerAt
	}
	return s, nil
}
