package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"handoff"
)

// simulateCmd plays a customer against a running stack. It knows the stack by its API alone; only the secrets with which vendors sign
// are read from the database of a stack on this machine.
type simulateCmd struct {
	Text     []string         `arg:"" optional:"" help:"What the customer says. Without it, lines are read from the terminal: a text, /image PATH, /location, /offload REASON or /quit."`
	Protocol handoff.Protocol `help:"Protocol of the inbox: the first one that speaks it is taken." enum:"hitlchat,chatlayer,aksita,kapso,passthrough,native" default:"hitlchat"`
	Inbox    handoff.ID       `help:"The inbox, instead of the first one of a protocol." placeholder:"ID"`
	From     string           `help:"The customer's phone number." default:"447700900123"`
	Name     string           `help:"The customer's name." default:"Jane"`
	Offload  *bool            `help:"Whether the bot asks for a person after the first text. By default Chatlayer's does, where no conversation is open." negatable:""`
	Wait     time.Duration    `help:"How long to wait for an answer after the last text." default:"0s"`

	StateDir    string `help:"Where the development stack keeps its state, with its addresses and keys." env:"HANDOFF_STATE_DIR" default:".handoff" type:"path"`
	API         string `help:"Address of the API, instead of that of handoff dev. The keys are then flags too." env:"HANDOFF_API"`
	GatewayKey  string `help:"A gateway's key." env:"HANDOFF_GATEWAY_KEY"`
	AgentKey    string `help:"An agent's key, to follow the answers." env:"HANDOFF_AGENT_KEY"`
	AdminKey    string `help:"An admin's key, to look the inbox up." env:"HANDOFF_ADMIN_KEY"`
	AppSecret   string `help:"The inbox's app secret, for kapso and passthrough on another machine." env:"HANDOFF_APP_SECRET"`
	VerifyToken string `help:"The inbox's verify token, for chatlayer on another machine." env:"HANDOFF_VERIFY_TOKEN"`
}

// Run says the texts, or what is typed.
func (c *simulateCmd) Run(ctx context.Context) error {
	if err := c.tidy(); err != nil {
		return err
	}
	stack, err := c.open()
	if err != nil {
		return err
	}
	inbox, err := stack.findInbox(ctx, c.Inbox, c.Protocol)
	if err != nil {
		return err
	}
	p := &play{cmd: c, stack: stack, inbox: inbox, out: os.Stdout}
	if p.customer, err = newCustomer(ctx, stack, inbox, c); err != nil {
		return err
	}
	defer p.customer.leave(ctx)
	p.answers = newAnswers(stack, inbox, c)
	// What was answered before is no answer to what is said now.
	if _, err := p.answers.next(ctx); err != nil {
		return err
	}
	if len(c.Text) == 0 {
		return p.converse(ctx, os.Stdin)
	}
	for _, text := range c.Text {
		if err := p.say(ctx, saying{kind: "text", text: text}); err != nil {
			return err
		}
	}
	return p.await(ctx)
}

// tidy reads the number as people write it.
func (c *simulateCmd) tidy() error {
	number := strings.NewReplacer("+", "", " ", "", "-", "").Replace(c.From)
	if len(number) < 5 || len(number) > 20 || strings.Trim(number, "0123456789") != "" {
		return fmt.Errorf("--from %q is no phone number: write it with its country code, such as 447700900123", c.From)
	}
	c.From = number
	return nil
}

// saying is one thing that a customer says.
type saying struct {
	kind string // text, location or file
	text string // or the file's path
	held bool   // by the bot, which asks for a person next
}

// customer is a person as one protocol sees them. What its methods give is the receipt in words.
type customer interface {
	say(ctx context.Context, s saying) (string, error)
	offload(ctx context.Context, reason string) (string, error)
	// asks tells whether the bot asks for a person after the first text, where nobody says otherwise.
	asks() bool
	// leave ends what was started to play the customer, once it has served.
	leave(ctx context.Context)
}

// play is one run of simulate.
type play struct {
	cmd      *simulateCmd
	stack    *simStack
	inbox    simInbox
	customer customer
	answers  *answers
	out      io.Writer
	spoken   bool
	told     bool // that answers cannot be followed
}

// say says one thing, and lets the bot ask for a person after the first text.
func (p *play) say(ctx context.Context, s saying) error {
	asks, err := p.offloads(ctx)
	if err != nil {
		return err
	}
	p.spoken = true
	s.held = asks
	receipt, err := p.customer.say(ctx, s)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s → %s: %s\n", p.cmd.Name, p.inbox.Name, receipt)
	if !asks {
		return nil
	}
	return p.offload(ctx, "asked for a person")
}

func (p *play) offloads(ctx context.Context) (bool, error) {
	switch {
	case p.spoken:
		return false, nil
	case p.cmd.Offload != nil:
		return *p.cmd.Offload, nil
	case !p.customer.asks():
		return false, nil
	}
	open, err := p.answers.open(ctx)
	return !open, err
}

func (p *play) offload(ctx context.Context, reason string) error {
	receipt, err := p.customer.offload(ctx, reason)
	if err == nil {
		fmt.Fprintf(p.out, "bot → %s: %s\n", p.inbox.Name, receipt)
	}
	return err
}

// show prints what agents have answered since it was last called, and tells whether there was anything.
func (p *play) show(ctx context.Context) bool {
	lines, err := p.answers.next(ctx)
	if err != nil && !p.told && ctx.Err() == nil {
		fmt.Fprintln(p.out, "answers cannot be followed: "+sentence(err))
		p.told = true
	}
	for _, line := range lines {
		fmt.Fprintln(p.out, line)
	}
	return len(lines) > 0
}

const pollEvery = 500 * time.Millisecond

// await waits for an answer, for as long as was asked.
func (p *play) await(ctx context.Context) error {
	if p.cmd.Wait <= 0 {
		return nil
	}
	deadline := time.After(p.cmd.Wait)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !p.show(ctx) {
		select {
		case <-ctx.Done():
			return nil
		case <-deadline:
			return nil
		case <-tick.C:
		}
	}
	return nil
}

// converse says what is typed, line by line, and prints the answers as they come.
func (p *play) converse(ctx context.Context, in io.Reader) error {
	if isTerminal(in) {
		fmt.Fprintf(p.out, "You are %s (%s), writing to %s by %s. /image PATH, /location, /offload REASON, /quit\n",
			p.cmd.Name, p.cmd.From, p.inbox.Name, p.inbox.Protocol)
	}
	lines := readLines(in)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			p.show(ctx)
		case line, more := <-lines:
			if !more || strings.TrimSpace(line) == "/quit" {
				return p.await(ctx)
			}
			err := p.line(ctx, strings.TrimSpace(line))
			if err != nil && !isTerminal(in) {
				return err
			}
			if err != nil {
				fmt.Fprintln(p.out, sentence(err))
			}
		}
	}
}

// line does what one line says.
func (p *play) line(ctx context.Context, line string) error {
	command, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case line == "":
		return nil
	case command == "/image" && rest == "":
		return errors.New("/image needs the path of a file")
	case command == "/image":
		return p.say(ctx, saying{kind: "file", text: rest})
	case command == "/location":
		return p.say(ctx, saying{kind: "location"})
	case command == "/offload":
		return p.offload(ctx, rest)
	case strings.HasPrefix(command, "/"):
		return fmt.Errorf("there is no %s: use /image PATH, /location, /offload REASON or /quit", command)
	}
	return p.say(ctx, saying{kind: "text", text: line})
}

// readLines reads in the background. Its goroutine ends with the input, or with the process.
func readLines(in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(in)
		for scanner.Scan() {
			lines <- scanner.Text()
		}
	}()
	return lines
}

func isTerminal(in io.Reader) bool {
	file, ok := in.(*os.File)
	if !ok {
		return false
	}
	stat, err := file.Stat()
	return err == nil && stat.Mode()&os.ModeCharDevice != 0
}
