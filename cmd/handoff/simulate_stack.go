package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/secretbox"
)

// simStack is the stack that simulate plays against.
type simStack struct {
	cmd   *simulateCmd
	info  devInfo // of handoff dev; of another stack its address and keys only
	fakes fakeInfo
	local bool // it is the one of the state directory
	http  *http.Client
}

// open finds the stack: the one of handoff dev, or the one that flags name.
func (c *simulateCmd) open() (*simStack, error) {
	s := &simStack{cmd: c, http: &http.Client{Timeout: 30 * time.Second}}
	err := readJSON(filepath.Join(c.StateDir, "dev.json"), &s.info)
	if err != nil && (c.API == "" || !errors.Is(err, os.ErrNotExist)) {
		return nil, fmt.Errorf("find the running stack: %w (start `handoff dev`, or give --state-dir, or --api with keys)", err)
	}
	s.local = err == nil && (c.API == "" || strings.TrimSuffix(c.API, "/") == s.info.APIURL)
	if !s.local {
		s.info = devInfo{APIURL: strings.TrimSuffix(c.API, "/")}
	} else if err := readJSON(filepath.Join(c.StateDir, fakesFile), &s.fakes); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	keys := &s.info.Keys
	keys.Gateway, keys.Agent = cmp.Or(c.GatewayKey, keys.Gateway), cmp.Or(c.AgentKey, keys.Agent)
	keys.Admin = cmp.Or(c.AdminKey, keys.Admin)
	return s, nil
}

func readJSON(path string, into any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// simInbox is what simulate needs to know of an inbox.
type simInbox struct {
	ID            handoff.ID       `json:"id"`
	Name          string           `json:"name"`
	Protocol      handoff.Protocol `json:"protocol"`
	WABAID        string           `json:"waba_id"`
	PhoneNumberID string           `json:"phone_number_id"`
	BotID         string           `json:"bot_id"`
	BotVersion    string           `json:"bot_version"`
}

// findInbox asks the API for the inbox, or for the first one of a protocol.
func (s *simStack) findInbox(ctx context.Context, id handoff.ID, p handoff.Protocol) (simInbox, error) {
	if s.info.Keys.Admin == "" {
		return simInbox{}, errors.New("an admin's key is needed to look the inbox up: give --admin-key")
	}
	none := handoff.ID{}
	if id == none && p == handoff.ProtocolHitlChat {
		id = s.info.InboxID
	}
	if id != none {
		var inbox simInbox
		err := s.call(ctx, http.MethodGet, "/v1/inboxes/"+id.String(), s.info.Keys.Admin, nil, &inbox)
		return inbox, err
	}
	for cursor := ""; ; {
		var page struct {
			Items      []simInbox `json:"items"`
			NextCursor string     `json:"next_cursor"`
		}
		if err := s.call(ctx, http.MethodGet, "/v1/inboxes?limit=100&cursor="+url.QueryEscape(cursor), s.info.Keys.Admin, nil, &page); err != nil {
			return simInbox{}, err
		}
		for _, inbox := range page.Items {
			if inbox.Protocol == p {
				return inbox, nil
			}
		}
		if cursor = page.NextCursor; cursor == "" {
			return simInbox{}, fmt.Errorf("no inbox of this account speaks %s: make one with `handoff inbox create`, or choose another --protocol", p)
		}
	}
}

// call makes a request with one of our keys, and decodes its answer. A refusal is the server's own sentence.
func (s *simStack) call(ctx context.Context, method, path, key string, body []byte, into any) error {
	header := http.Header{"Authorization": {"Bearer " + key}}
	return s.do(ctx, method, path, header, body, into)
}

const maxAnswer = 8 << 20

func (s *simStack) do(ctx context.Context, method, path string, header http.Header, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, s.info.APIURL+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("call the API: %w", err)
	}
	req.Header = header
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return fmt.Errorf("nothing answers at %s: start the stack, or give --api (%w)", s.info.APIURL, errors.Unwrap(err))
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the API's answer: %w", err)
	}
	if resp.StatusCode >= 300 {
		return refusal(resp.StatusCode, content)
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("read the API's answer: %w", err)
	}
	return nil
}

// refusal is the problem that the API tells.
func refusal(status int, content []byte) error {
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(content, &problem) != nil || problem.Detail == "" {
		problem.Detail = http.StatusText(status)
	}
	return fmt.Errorf("refused with %d: %s", status, problem.Detail)
}

// simSecrets are the secrets of an inbox by which its vendor is known.
type simSecrets struct{ appSecret, verifyToken, accessToken string }

// secrets are those that flags give, else those in the database of a stack on this machine.
func (s *simStack) secrets(ctx context.Context, id handoff.ID) (simSecrets, error) {
	given := simSecrets{appSecret: s.cmd.AppSecret, verifyToken: s.cmd.VerifyToken}
	if !s.local || s.info.DatabaseURL == "" {
		return given, nil
	}
	keyset, err := os.ReadFile(filepath.Join(s.cmd.StateDir, "keyset.json"))
	if err != nil {
		return given, err
	}
	box, err := secretbox.New(string(keyset))
	if err != nil {
		return given, err
	}
	pool, err := db.Open(ctx, s.info.DatabaseURL, 1)
	if err != nil {
		return given, err
	}
	defer pool.Close()
	row, err := dbsqlc.New(pool).InboxGetLive(ctx, id)
	if err != nil {
		return given, db.NotFound(err, "inbox")
	}
	for _, one := range []struct {
		into   *string
		sealed []byte
		place  secretbox.AssociatedData
	}{
		{&given.appSecret, row.AppSecret, secretbox.AppSecret(row.AccountID, id)},
		{&given.verifyToken, row.VerifyToken, secretbox.VerifyToken(row.AccountID, id)},
		{&given.accessToken, row.AccessToken, secretbox.AccessToken(row.AccountID, id)},
	} {
		plain, err := open(box, one.sealed, one.place)
		if err != nil {
			return given, err
		}
		*one.into = cmp.Or(*one.into, plain)
	}
	return given, nil
}
