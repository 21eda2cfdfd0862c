package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/contract"
)

var httpClient = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// answer is what the API answered.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send makes a request. Its error means that there was no answer.
func send(method, url, key string, body []byte, header ...string) (answer, error) {
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, content}, err
}

// later tells whether an answer asks to come back: the machine is so busy that the server could not do it in time. What was asked for may
// have been done all the same.
func (a answer) later() bool {
	return (a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests) && a.header.Get("Retry-After") != ""
}

// followed makes a request as the API tells clients to: under an Idempotency-Key, with which it is sent again when an answer asks for that.
func followed(ctx context.Context, method, url, key, body string, header ...string) (answer, error) {
	if !slices.Contains(header, "Idempotency-Key") {
		header = append(slices.Clone(header), "Idempotency-Key", handoff.NewID().String())
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		a, err := send(method, url, key, []byte(body), header...)
		if err != nil || !a.later() {
			return a, err
		}
		seconds, _ := strconv.Atoi(a.header.Get("Retry-After")) // a client that cannot read it comes back at once
		if !pause(ctx, time.Duration(seconds)*time.Second) {
			return a, nil
		}
	}
}

// call makes a request that has to be answered.
func call(t *testing.T, method, url, key string, body any, header ...string) answer {
	t.Helper()
	content := encoded(t, body)
	a, err := send(method, url, key, content, header...)
	require.NoError(t, err)
	requireContract(t, method, url, content, a)
	return a
}

// encoded is a body in JSON, unless it is bytes or absent.
func encoded(t *testing.T, body any) []byte {
	t.Helper()
	content, raw := body.([]byte)
	if body != nil && !raw {
		var err error
		content, err = json.Marshal(body)
		require.NoError(t, err)
	}
	return content
}

// requireContract holds an answer of the API against the OpenAPI document. The fakes have paths of their own.
func requireContract(t *testing.T, method, url string, body []byte, a answer) {
	t.Helper()
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	require.NoError(t, err)
	if !strings.HasPrefix(req.URL.Path, "/v1/") && !strings.HasPrefix(req.URL.Path, "/api/v1/") {
		return
	}
	document, err := contract.Shared()
	require.NoError(t, err)
	require.NoError(t, document.Check(req, contract.Answer{Status: a.status, Header: a.header, Body: a.body}), "%s %s", method, url)
}

// into decodes an answer that must have the given status.
func into[T any](t *testing.T, a answer, status int) T {
	t.Helper()
	require.Equal(t, status, a.status, "%s", a.body)
	var out T
	require.NoError(t, json.Unmarshal(a.body, &out), "%s", a.body)
	return out
}

// problem is the document of an answer that is no success.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
	Assignee  *named `json:"assignee"`
}

func requireProblem(t *testing.T, a answer, status int, code string) problem {
	t.Helper()
	p := into[problem](t, a, status)
	require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
	require.Equal(t, code, p.Code)
	require.Equal(t, "/problems/"+code, p.Type)
	require.Equal(t, status, p.Status)
	require.NotEmpty(t, p.Title)
	require.NotEmpty(t, p.Detail)
	require.Equal(t, a.header.Get("X-Request-Id"), p.RequestID)
	return p
}

type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type list[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor"`
}

type receipt struct {
	ReceiptID string `json:"receipt_id"`
	Items     []struct {
		Kind       string `json:"kind"`
		ExternalID string `json:"external_id"`
		MessageID  string `json:"message_id"`
		Duplicate  bool   `json:"duplicate"`
	} `json:"items"`
}

type conversation struct {
	ID        string `json:"id"`
	InboxID   string `json:"inbox_id"`
	Status    string `json:"status"`
	EndReason string `json:"end_reason"`
	Contact   struct {
		ID         string `json:"id"`
		Name       string `json:"name"`
		Identities []struct {
			Kind  string `json:"kind"`
			Value string `json:"value"`
		} `json:"identities"`
	} `json:"contact"`
	Assignee        *named     `json:"assignee"`
	WindowExpiresAt *time.Time `json:"window_expires_at"`
	InactiveAt      *time.Time `json:"inactive_at"`
	EndedAt         *time.Time `json:"ended_at"`
	UnreadCount     int        `json:"unread_count"`
	WorkflowURL     string     `json:"workflow_url"`
}

type message struct {
	ID        string `json:"id"`
	Seq       int64  `json:"seq"`
	Direction string `json:"direction"`
	Author    struct {
		Type string `json:"type"`
		Name string `json:"name"`
	} `json:"author"`
	Type    string         `json:"type"`
	Text    string         `json:"text"`
	Content map[string]any `json:"content"`
	Media   *struct {
		ID    string `json:"id"`
		State string `json:"state"`
	} `json:"media"`
	Status     string `json:"status"`
	ExternalID string `json:"external_id"`
}

type event struct {
	ID             string         `json:"id"`
	Seq            *int64         `json:"seq"`
	Type           string         `json:"type"`
	ConversationID string         `json:"conversation_id"`
	Data           map[string]any `json:"data"`
}

// pages reads a list to its end.
func pages[T any](t *testing.T, url, key string) []T {
	t.Helper()
	var all []T
	for cursor := ""; ; {
		page := into[list[T]](t, call(t, http.MethodGet, url+"?limit=100&cursor="+cursor, key, nil), http.StatusOK)
		all = append(all, page.Items...)
		if cursor = page.NextCursor; cursor == "" || len(page.Items) == 0 {
			return all
		}
	}
}
