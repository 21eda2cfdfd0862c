package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// slowResult is what agents have to wait for beside an endpoint that answers late.
type slowResult struct {
	first, later []time.Duration // sorted: of claims beside the first webhook since the endpoint became slow, and beside later ones
	refused      int
	lost         int
}

// slowContacts are few: each waits for a slow endpoint that takes ten at once.
const slowContacts = 40

// setOut is after how long the webhook of a message is on its way.
const setOut = 20 * time.Millisecond

// slow has an agent claim each of some conversations just after a message of its contact has set out for an endpoint that has become slow.
func slow(ctx context.Context, s *stack, r *receiver, o options) (slowResult, error) {
	var out slowResult
	if _, err := steady(ctx, s, r, "slowly", slowContacts, 2*o.rate, slowContacts); err != nil {
		return out, err
	}
	var page struct {
		Items []struct {
			ID      string `json:"id"`
			Contact struct {
				Name string `json:"name"`
			} `json:"contact"`
		} `json:"items"`
	}
	if err := s.call(ctx, http.MethodGet, fmt.Sprintf("/v1/conversations?limit=%d", slowContacts), nil, &page); err != nil {
		return out, err
	}
	r.answerAfter(o.slow)
	defer r.answerAfter(0)
	r.reset()
	posted := 0
	for i, conversation := range page.Items {
		var contact int
		if _, err := fmt.Sscanf(conversation.Contact.Name, "Contact %d", &contact); err != nil {
			return out, err
		}
		m := sent{id: fmt.Sprintf("wamid.slow.%d", i), scheduled: time.Now()}
		s.post(ctx, "slowly", contact, &m)
		posted++
		<-time.After(setOut)
		start := time.Now()
		if err := s.call(ctx, http.MethodPost, "/v1/conversations/"+conversation.ID+"/claim", map[string]string{"agent_id": s.agent}, nil); err != nil {
			out.refused++
			continue
		}
		if i < 10 {
			out.first = append(out.first, time.Since(start))
		} else {
			out.later = append(out.later, time.Since(start))
		}
	}
	for deadline := time.Now().Add(2 * time.Minute); r.count() < posted && time.Now().Before(deadline); {
		<-time.After(pollWebhooks)
	}
	out.lost = posted - r.count()
	slices.Sort(out.first)
	slices.Sort(out.later)
	return out, nil
}

func (s *stack) call(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.adminKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := httpClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

func (r slowResult) print(o options) {
	fmt.Printf("\n## An agent's claim while a webhook waits for an endpoint that answers after %s\n\n", o.slow)
	fmt.Printf("| | p50 ms | p95 ms | p99 ms | max ms |\n|---|---:|---:|---:|---:|\n")
	fmt.Printf("| the first ten after it became slow | %s |\n| later | %s |\n", percentiles(r.first), percentiles(r.later))
	fmt.Printf("\n%d refused, %d webhooks lost.\n", r.refused, r.lost)
}
