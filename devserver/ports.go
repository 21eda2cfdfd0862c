package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Free ports come from below the range that Linux hands out to outgoing connections (32768 and up). Between
// our check and the server's own bind, an unrelated connection could otherwise take the port.
const (
	firstFreePort = 20000
	lastFreePort  = 32000
	portAttempts  = 200
)

// ports are the TCP ports of the process. All services are reached over gRPC, also within the process.
type ports struct {
	frontend, history, matching, worker, ui int
}

func choosePorts(opts options) (ports, error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()

	pick := func(want int, flagName string) (int, error) {
		l, err := listen(want)
		if err != nil {
			return 0, fmt.Errorf("%s %d cannot be used: %w; pass another port, or 0 for a free one", flagName, want, err)
		}
		held = append(held, l)
		return l.Addr().(*net.TCPAddr).Port, nil
	}

	var p ports
	for _, c := range []struct {
		port     *int
		want     int
		flagName string
	}{
		{&p.frontend, opts.grpcPort, "--grpc-port"},
		{&p.ui, opts.uiPort, "--ui-port"},
		{&p.history, 0, "internal port"},
		{&p.matching, 0, "internal port"},
		{&p.worker, 0, "internal port"},
	} {
		if c.port == &p.ui && opts.headless {
			continue
		}
		var err error
		if *c.port, err = pick(c.want, c.flagName); err != nil {
			return ports{}, err
		}
	}
	return p, nil
}

func listen(port int) (net.Listener, error) {
	if port != 0 {
		return net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	}
	for range portAttempts {
		candidate := firstFreePort + rand.IntN(lastFreePort-firstFreePort)
		if l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(candidate))); err == nil {
			return l, nil
		}
	}
	return nil, errors.New("no free port found between 20000 and 32000")
}
