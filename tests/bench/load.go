package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// sent is one message of a load.
type sent struct {
	id        string
	scheduled time.Time // latency counts from here, so that a slow server cannot slow its own measurement down
	answered  time.Time
	ok        bool
}

var httpClient = &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{MaxIdleConns: 512, MaxIdleConnsPerHost: 512}}

func (s *stack) post(ctx context.Context, load string, contact int, m *sent) {
	body := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"messages","value":{`+
		`"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":%q},`+
		`"contacts":[{"profile":{"name":"Contact %d"},"wa_id":"%s%06d"}],"messages":[{"from":"%[4]s%06[5]d","id":%[6]q,"timestamp":"%[7]d",`+
		`"type":"text","text":{"body":"I would like to know where my order is, please."}}]}}]}]}`,
		waba, phone, contact, numberOf(load), contact, m.id, m.scheduled.Unix())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/v1/public/inbound", bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := httpClient.Do(req)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	m.answered, m.ok = time.Now(), resp.StatusCode == http.StatusOK
}

// numberOf keeps the contacts of different loads apart.
func numberOf(load string) string { return fmt.Sprintf("44%d", len(load)) }

// steady sends at a fixed rate, whatever becomes of what was sent before.
func steady(ctx context.Context, s *stack, r *receiver, load string, total, rate, contacts int) (result, error) {
	r.reset()
	messages := make([]sent, total)
	before := s.usage()
	start := time.Now().Add(100 * time.Millisecond)
	var wg sync.WaitGroup
	for i := range messages {
		m := &messages[i]
		m.id, m.scheduled = fmt.Sprintf("wamid.%s.%d", load, i), start.Add(time.Duration(i)*time.Second/time.Duration(rate))
		timer := time.NewTimer(time.Until(m.scheduled))
		select {
		case <-ctx.Done():
			return result{}, ctx.Err()
		case <-timer.C:
		}
		wg.Go(func() { s.post(ctx, load, i%contacts, m) })
	}
	wg.Wait()
	return finish(ctx, s, r, messages, start, before)
}

// burst sends as fast as the clients can.
func burst(ctx context.Context, s *stack, r *receiver, o options) (result, error) {
	r.reset()
	messages := make([]sent, o.burstContacts*o.burstEach)
	before := s.usage()
	start := time.Now()
	next := make(chan int)
	var wg sync.WaitGroup
	for range o.clients {
		wg.Go(func() {
			for i := range next {
				messages[i].id, messages[i].scheduled = fmt.Sprintf("wamid.burst.%d", i), time.Now()
				s.post(ctx, "burst", i%o.burstContacts, &messages[i])
			}
		})
	}
	for i := range messages {
		next <- i
	}
	close(next)
	wg.Wait()
	return finish(ctx, s, r, messages, start, before)
}

const (
	pollWebhooks = 20 * time.Millisecond
	// stalled is how long no webhook may arrive before the rest counts as lost.
	stalled = 30 * time.Second
)

// finish waits for the webhooks of what was accepted.
func finish(ctx context.Context, s *stack, r *receiver, messages []sent, start time.Time, before usage) (result, error) {
	accepted := 0
	for _, m := range messages {
		if m.ok {
			accepted++
		}
	}
	tick := time.NewTicker(pollWebhooks)
	defer tick.Stop()
	last, progress := 0, time.Now()
	for {
		n := r.count()
		if n >= accepted {
			break
		}
		if n > last {
			last, progress = n, time.Now()
		}
		if time.Since(progress) > stalled {
			break
		}
		select {
		case <-ctx.Done():
			return result{}, ctx.Err()
		case <-tick.C:
		}
	}
	after := s.usage()
	r.mu.Lock()
	defer r.mu.Unlock()
	return newResult(messages, r.arrived, r.duplicates, start, before, after), nil
}
