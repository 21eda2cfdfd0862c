package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// healthcheckTimeout is shorter than what Docker gives a check by our Dockerfile, so that the reason is printed and not cut off.
const healthcheckTimeout = 4 * time.Second

// healthcheckCmd asks the process beside it, at the addresses that the process itself is given.
type healthcheckCmd struct {
	Listen       string `help:"Address on which the API, /livez and /readyz are served, by http: TLS is a reverse proxy's." env:"HANDOFF_LISTEN" default:":8080" group:"API"`
	WorkerListen string `name:"worker-listen" help:"Address of a worker's /livez, /readyz and /metrics; empty for none." env:"HANDOFF_WORKER_LISTEN" default:":8081" group:"Worker"`
	Path         string `help:"What to ask for: /readyz, or /livez to know no more than that the process answers." enum:"/readyz,/livez" default:"/readyz"`
}

// Run asks serve, and the worker where no serve listens: an image has one health check for both.
func (c *healthcheckCmd) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	answer, err := askHealth(ctx, c.Listen, c.Path)
	if errors.Is(err, syscall.ECONNREFUSED) && c.WorkerListen != "" {
		answer, err = askHealth(ctx, c.WorkerListen, c.Path)
	}
	if err != nil {
		return err
	}
	fmt.Println(answer)
	return nil
}

func askHealth(ctx context.Context, listen, path string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("read the address %q: %w", listen, err)
	}
	// The name localhost may be ::1 alone, on which nothing listens in many containers.
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return "", err
	}
	// Without a transport of its own it would go by HTTP_PROXY.
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return "", err
	}
	answer := strings.TrimSpace(string(body))
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answered %s: %s", request.URL, response.Status, answer)
	}
	return answer, nil
}
