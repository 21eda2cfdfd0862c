package client

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"
)

const (
	firstWait = 250 * time.Millisecond
	// longestWait bounds what a server may ask for: a caller that can wait longer than this has a queue of its own.
	longestWait = 30 * time.Second
	// drained is how much of an answer that nobody reads is read, so that its connection can be used again.
	drained = 64 << 10
)

// doer makes requests as this API wants them.
type doer struct {
	http           HttpRequestDoer
	key, userAgent string
	attempts       int
	wait           func(context.Context, time.Duration) error
}

// Do makes a request until it is answered, and gives a refusal as an [*Error].
func (d *doer) Do(request *http.Request) (*http.Response, error) {
	request.Header.Set("User-Agent", d.userAgent)
	if request.Header.Get("Authorization") == "" {
		request.Header.Set("Authorization", "Bearer "+d.key)
	}
	if request.Method == http.MethodPost && request.Header.Get("Idempotency-Key") == "" {
		// One key for all attempts: the server does once what it is asked twice.
		request.Header.Set("Idempotency-Key", rand.Text())
	}
	for n := 1; ; n++ {
		response, err := d.http.Do(request)
		pause, again := d.again(request, response, err, n)
		if !again {
			if err != nil {
				return nil, err
			}
			if err := refusal(response); err != nil {
				return nil, err
			}
			return response, nil
		}
		if response != nil {
			_, _ = io.CopyN(io.Discard, response.Body, drained)
			_ = response.Body.Close()
		}
		if err := d.wait(request.Context(), pause); err != nil {
			return nil, err
		}
		if request, err = copied(request); err != nil {
			return nil, err
		}
	}
}

// again says whether a request is worth another attempt, and when.
func (d *doer) again(request *http.Request, response *http.Response, err error, n int) (time.Duration, bool) {
	sentAway := request.Body != nil && request.Body != http.NoBody && request.GetBody == nil // a stream, which is there once
	if n >= d.attempts || sentAway || request.Context().Err() != nil {
		return 0, false
	}
	pause := firstWait * time.Duration(math.Pow(2, float64(n-1)))
	if err != nil {
		// The server may have done it. A second DELETE would not find what the first one deleted.
		return min(pause, longestWait), request.Method != http.MethodDelete && !errors.Is(err, context.Canceled)
	}
	if response.StatusCode != http.StatusTooManyRequests && response.StatusCode != http.StatusServiceUnavailable {
		return 0, false
	}
	asked := retryAfter(response.Header)
	return max(pause, asked), asked <= longestWait
}

// copied is a request that can be made once more.
func copied(request *http.Request) (*http.Request, error) {
	again := request.Clone(request.Context())
	if request.GetBody == nil {
		return again, nil
	}
	body, err := request.GetBody()
	again.Body = body
	return again, err
}

// retryAfter is what the server asks for: this one says it in seconds, a proxy before it may name a time.
func retryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(max(0, seconds)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
