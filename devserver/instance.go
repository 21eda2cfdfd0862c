package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/server/temporal"
)

const (
	host         = "127.0.0.1"
	startTimeout = 60 * time.Second
	// stopTimeout bounds a clean stop. The server's own limit is minutes, and a kill loses nothing here:
	// SQLite in WAL mode survives the death of its process.
	stopTimeout = 10 * time.Second
)

// addresses is the content of the addresses file: what a parent needs to use this server and to find it again.
type addresses struct {
	GRPCAddress string `json:"grpc_address"`
	UIURL       string `json:"ui_url"`
	PID         int    `json:"pid"`
}

// instance is a running server with its UI.
type instance struct {
	addresses     addresses
	addressesFile string
	server        temporal.Server
	stopUI        func()
	unlock        func()
}

// start returns once the gRPC API serves, the search attributes exist and the UI answers.
func start(ctx context.Context, opts options) (_ *instance, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	ports, err := choosePorts(opts)
	if err != nil {
		return nil, err
	}

	inst := &instance{
		addresses: addresses{
			GRPCAddress: fmt.Sprintf("%s:%d", host, ports.frontend),
			PID:         os.Getpid(),
		},
		stopUI: func() {},
		unlock: func() {},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, inst.stop())
		}
	}()

	if opts.db != "" {
		unlock, err := lockDatabase(opts.db)
		if err != nil {
			return nil, err
		}
		inst.unlock = unlock
	}
	if inst.server, err = startTemporal(opts, ports); err != nil {
		return nil, err
	}
	if err := prepareNamespace(ctx, inst.addresses.GRPCAddress, opts); err != nil {
		return nil, err
	}
	if !opts.headless {
		url, stopUI, err := startUI(ctx, opts, ports)
		if err != nil {
			return nil, err
		}
		inst.addresses.UIURL, inst.stopUI = url, stopUI
	}
	if err := inst.publish(opts.addressesFile); err != nil {
		return nil, err
	}
	return inst, nil
}

// publish writes the addresses file. The rename makes it atomic: a parent that polls for the file never reads half of it.
func (i *instance) publish(file string) error {
	if file == "" {
		return nil
	}
	content, err := json.Marshal(i.addresses)
	if err != nil {
		return fmt.Errorf("encode addresses: %w", err)
	}
	temp := fmt.Sprintf("%s.%d", file, os.Getpid())
	if err := os.WriteFile(temp, append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("write addresses file: %w", err)
	}
	if err := os.Rename(temp, file); err != nil {
		return fmt.Errorf("write addresses file %s: %w", filepath.Base(file), err)
	}
	i.addressesFile = file
	return nil
}

// stop ends the UI first, so that it does not report errors of a server that goes away.
func (i *instance) stop() error {
	defer i.unlock()
	if i.addressesFile != "" {
		_ = os.Remove(i.addressesFile)
	}
	i.stopUI()
	if i.server == nil {
		return nil
	}

	stopped := make(chan error, 1)
	go func() { stopped <- i.server.Stop() }()
	select {
	case err := <-stopped:
		if err != nil {
			return fmt.Errorf("stop Temporal server: %w", err)
		}
		return nil
	case <-time.After(stopTimeout):
		return fmt.Errorf("stop Temporal server: not done after %s, exiting anyway", stopTimeout)
	}
}
