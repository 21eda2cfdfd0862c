package main

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// receiver takes webhooks and notes when the one of each message arrived first.
type receiver struct {
	listener net.Listener
	server   *http.Server

	mu         sync.Mutex
	arrived    map[string]time.Time
	duplicates int
	delay      time.Duration
}

func newReceiver() *receiver { return &receiver{arrived: map[string]time.Time{}} }

func (r *receiver) listen() (err error) {
	if r.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := r.server.Serve(r.listener); !errors.Is(err, http.ErrServerClosed) {
			panic(err)
		}
	}()
	return nil
}

func (r *receiver) close()      { _ = r.server.Close() }
func (r *receiver) url() string { return "http://" + r.listener.Addr().String() }

// ServeHTTP takes a webhook.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	now := time.Now()
	body, err := io.ReadAll(req.Body)
	var event struct {
		Data struct {
			Message struct {
				ExternalID string `json:"external_id"`
			} `json:"message"`
		} `json:"data"`
	}
	if err != nil || json.Unmarshal(body, &event) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	delay := r.delay
	r.mu.Unlock()
	<-time.After(delay)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, again := r.arrived[event.Data.Message.ExternalID]; again {
		r.duplicates++
		return
	}
	r.arrived[event.Data.Message.ExternalID] = now
}

// reset forgets everything.
func (r *receiver) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrived, r.duplicates = map[string]time.Time{}, 0
}

// answerAfter makes the receiver slow.
func (r *receiver) answerAfter(delay time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delay = delay
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.arrived)
}
