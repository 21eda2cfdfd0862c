package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/fakegateway"
	"handoff/internal/signature"
)

// The demo inbox, and its ids at Meta as they stand in the curl that is printed.
const (
	demoName          = "Demo WhatsApp"
	demoWABAID        = "102290129340398"
	demoPhoneNumberID = "106540352242922"
)

// devInfo is what .handoff/dev.json tells programs about the running stack.
type devInfo struct {
	APIURL          string     `json:"api_url"`
	TemporalUIURL   string     `json:"temporal_ui_url"`
	TemporalAddress string     `json:"temporal_address"`
	DatabaseURL     string     `json:"database_url"`
	AccountID       handoff.ID `json:"account_id"`
	InboxID         handoff.ID `json:"inbox_id"`
	WABAID          string     `json:"waba_id"`
	PhoneNumberID   string     `json:"phone_number_id"`
	AgentID         handoff.ID `json:"agent_id"`
	Keys            devKeys    `json:"keys"`
	EndpointID      handoff.ID `json:"endpoint_id"`
	EndpointURL     string     `json:"endpoint_url"`
	EndpointSecret  string     `json:"endpoint_secret"`
}

type devKeys struct {
	Gateway string `json:"gateway"`
	Agent   string `json:"agent"`
	Admin   string `json:"admin"`
}

func (d *devStack) infoFile() string { return filepath.Join(d.cmd.StateDir, "dev.json") }

// seed makes the demo account, or goes on with the one of the last run, makes the fakes know it, and writes dev.json.
func (d *devStack) seed(ctx context.Context, a admin.Admin, fakes *fakes) error {
	known, err := d.known(ctx, a)
	if err != nil {
		return err
	}
	if !known {
		if err := d.makeDemo(ctx, a); err != nil {
			return fmt.Errorf("make the demo account: %w", err)
		}
	}
	if _, _, err := a.UpdateEndpoint(ctx, d.info.AccountID, d.info.EndpointID, admin.EndpointFields{URL: &d.info.EndpointURL, Unchecked: true}); err != nil {
		return fmt.Errorf("point the demo endpoint at the fake gateway: %w", err)
	}
	if err := d.letMediaCome(ctx, a); err != nil {
		return fmt.Errorf("give the demo inbox an access token: %w", err)
	}
	secret, err := signature.ParseSecret(d.info.EndpointSecret)
	if err != nil {
		return err
	}
	fakes.gateway.Expect(fakegateway.Sender{Inbox: demoName, Protocol: handoff.ProtocolHitlChat, Secret: secret})
	inboxes, err := d.seedInboxes(ctx, a, fakes)
	if err != nil {
		return err
	}
	fakes.connect(d.info, inboxes, d.cmd.GraphVersion)
	if err := fakes.write(d.cmd.StateDir); err != nil {
		return err
	}
	content, err := json.MarshalIndent(d.info, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(d.infoFile(), append(content, '\n'), 0o600)
}

// known takes over the ids and keys of the last run, if the database still knows them.
func (d *devStack) known(ctx context.Context, a admin.Admin) (bool, error) {
	content, err := os.ReadFile(d.infoFile())
	if os.IsNotExist(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	last := d.info
	if err := json.Unmarshal(content, &last); err != nil {
		return false, fmt.Errorf("read %s: %w (delete it to make a new demo account)", d.infoFile(), err)
	}
	_, err = dbsqlc.New(a.DB).EndpointGet(ctx, dbsqlc.EndpointGetParams{AccountID: last.AccountID, ID: last.EndpointID})
	if err != nil {
		return false, nil // another database: its demo account is made anew
	}
	last.APIURL, last.TemporalUIURL, last.TemporalAddress = d.info.APIURL, d.info.TemporalUIURL, d.info.TemporalAddress
	last.DatabaseURL, last.EndpointURL = d.info.DatabaseURL, d.info.EndpointURL
	d.info = last
	return true, nil
}

// letMediaCome gives the demo inbox a token of the fake Graph API, with which it fetches files. A token that is there stays.
func (d *devStack) letMediaCome(ctx context.Context, a admin.Admin) error {
	if !d.playsMeta() {
		return nil
	}
	inbox, err := dbsqlc.New(a.DB).InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: d.info.AccountID, ID: d.info.InboxID})
	if err != nil {
		return err
	}
	fields := admin.InboxFields{Unchecked: true} // saving alone follows the address of Meta's API
	if token := demoAccessToken; inbox.AccessToken == nil {
		fields.AccessToken = &token
	}
	_, err = a.UpdateInbox(ctx, d.info.AccountID, d.info.InboxID, fields)
	return err
}

func (d *devStack) makeDemo(ctx context.Context, a admin.Admin) error {
	account, err := a.CreateAccount(ctx, "Demo")
	if err != nil {
		return err
	}
	name, waba, number, agentName := demoName, demoWABAID, demoPhoneNumberID, "Ana"
	inbox, err := a.CreateInbox(ctx, account.ID, admin.InboxFields{Name: &name, WABAID: &waba, PhoneNumberID: &number, Unchecked: true})
	if err != nil {
		return err
	}
	agent, err := a.CreateAgent(ctx, account.ID, admin.AgentFields{Name: &agentName})
	if err != nil {
		return err
	}
	// Nothing queues there by itself: conversations of the demo inboxes wait to be claimed by anybody.
	teamName := "Support"
	team, err := a.CreateTeam(ctx, account.ID, admin.TeamFields{Name: &teamName})
	if err != nil {
		return err
	}
	if err := a.AddTeamMember(ctx, account.ID, team.ID, agent.ID); err != nil {
		return err
	}
	endpoint, secret, err := a.CreateEndpoint(ctx, account.ID, inbox.ID, admin.EndpointFields{URL: &d.info.EndpointURL, Unchecked: true})
	if err != nil {
		return err
	}
	for scope, text := range map[handoff.Scope]*string{
		handoff.ScopeGateway: &d.info.Keys.Gateway, handoff.ScopeAgent: &d.info.Keys.Agent, handoff.ScopeAdmin: &d.info.Keys.Admin,
	} {
		key := admin.NewKey{Name: "demo " + string(scope), Scope: scope}
		if scope == handoff.ScopeAgent {
			key.AgentID = &agent.ID
		}
		if _, *text, err = a.CreateKey(ctx, account.ID, key); err != nil {
			return err
		}
	}
	d.info.AccountID, d.info.InboxID, d.info.AgentID, d.info.EndpointID = account.ID, inbox.ID, agent.ID, endpoint.ID
	d.info.WABAID, d.info.PhoneNumberID, d.info.EndpointSecret = waba, number, secret
	return nil
}

// shownInfoFile is the path of dev.json as a person in this directory would write it.
func (d *devStack) shownInfoFile() string { return shown(d.infoFile()) }

// shown is a path as a person in this directory would write it.
func shown(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	relative, err := filepath.Rel(here, path)
	if err != nil || strings.HasPrefix(relative, "..") {
		return path
	}
	return relative
}

// greet prints where everything is, and a curl that works as printed, again and again.
func (d *devStack) greet(fakes fakeInfo) {
	fmt.Printf(`
handoff is running.

  API             %s   (reference: %[1]s/docs)
  Temporal UI     %s
  fake gateway    %s   (shows the webhooks that arrived)
  fake Graph API  %s   (plays Meta: shows what customers got)
  fake Chatlayer  %s   (shows what its bot was told)
  metrics         %s
  keys and ids    %s

Hand a WhatsApp conversation over to a person:

%s

Play a customer of any protocol, and see what agents answer:

%s

Ctrl-C stops everything; the next run goes on where this one ended.

`, d.info.APIURL, d.info.TemporalUIURL, fakes.GatewayURL, fakes.GraphURL, fakes.ChatlayerURL, d.metricsURL, d.shownInfoFile(), d.curl(), d.simulateCommand())
}

// simulateCommand is the command as this program was called, with what it needs to find the stack's state.
func (d *devStack) simulateCommand() string {
	program := os.Args[0]
	if filepath.IsAbs(program) {
		program = shown(program)
	}
	command := program + " simulate --protocol kapso"
	if dir := filepath.Dir(d.shownInfoFile()); dir != ".handoff" {
		command += " --state-dir " + dir
	}
	return command
}

func (d *devStack) curl() string {
	return fmt.Sprintf(`curl -sS %s/v1/public/inbound \
  -H 'Authorization: Bearer %s' \
  -H 'Content-Type: application/json' \
  -d '{
    "object": "whatsapp_business_account",
    "entry": [{ "id": "%s", "changes": [{ "field": "messages", "value": {
      "messaging_product": "whatsapp",
      "metadata": { "phone_number_id": "%s" },
      "contacts": [{ "profile": { "name": "Jane" }, "wa_id": "447700900456" }],
      "messages": [{ "from": "447700900456", "id": "wamid.'"$(date +%%s%%N)"'", "timestamp": "'"$(date +%%s)"'",
        "type": "text", "text": { "body": "I need to speak to a human" } }]
    } }] }]
  }'`, d.info.APIURL, d.info.Keys.Gateway, d.info.WABAID, d.info.PhoneNumberID)
}
