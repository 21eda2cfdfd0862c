package main

import (
	"context"
	"fmt"
	"net/http"

	uiserver "github.com/temporalio/ui-server/v2/server"
	"github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/server_options"
)

// startUI returns the UI's address once it answers. News and version checks stay off: nothing here calls out.
func startUI(ctx context.Context, opts options, p ports) (string, func(), error) {
	server := uiserver.NewServer(server_options.WithConfigProvider(&config.Config{
		// The page is served over plain HTTP, where a browser drops a cookie marked secure.
		CORS:                config.CORS{CookieInsecure: true},
		DefaultNamespace:    opts.namespace,
		DisableNewsFetch:    true,
		EnableUI:            true,
		HideLogs:            true,
		Host:                host,
		NotifyOnNewVersion:  false,
		Port:                p.ui,
		TemporalGRPCAddress: hostPort(p.frontend),
	}))
	// Start blocks until Stop, and ends the process by itself if it cannot listen.
	go func() { _ = server.Start() }()

	url := "http://" + hostPort(p.ui)
	if err := poll(ctx, func() error { return answers(ctx, url+"/healthz") }); err != nil {
		server.Stop()
		return "", nil, fmt.Errorf("wait for the Temporal UI at %s: %w", url, err)
	}
	return url, server.Stop, nil
}

func answers(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	return nil
}
