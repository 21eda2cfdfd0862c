package main

import (
	"fmt"
	"net/netip"

	"handoff/api"
)

// securityFlags say who may call the API how often, and from where.
type securityFlags struct {
	RateLimitGateway  float64  `help:"Requests a second of one gateway's key; 0 for no limit. Two seconds' worth may come at once, and each process counts for itself." env:"HANDOFF_RATE_LIMIT_GATEWAY" default:"2000" group:"Security"`
	RateLimitAgent    float64  `help:"The same for one agent's key, or one agent who has signed in." env:"HANDOFF_RATE_LIMIT_AGENT" default:"100" group:"Security"`
	RateLimitAdmin    float64  `help:"The same for one admin's key, which back ends use for many agents." env:"HANDOFF_RATE_LIMIT_ADMIN" default:"500" group:"Security"`
	RateLimitFailures float64  `help:"Requests a second of one address without a valid key, signature, token or link; 0 for no limit. Five seconds' worth may come at once." env:"HANDOFF_RATE_LIMIT_FAILURES" default:"20" group:"Security"`
	CORSOrigins       []string `help:"Origins whose pages may call the API from a browser, such as https://inbox.example.com; none by default." env:"HANDOFF_CORS_ORIGINS" group:"Security"`
	TrustedProxies    []string `help:"Addresses or networks of your own proxies, such as 10.0.0.0/8, whose X-Forwarded-For and X-Forwarded-Proto are believed; none by default." env:"HANDOFF_TRUSTED_PROXIES" group:"Security"`
}

// apply puts the settings into what the API is built from.
func (f securityFlags) apply(deps *api.Deps) error {
	deps.Limits = api.Limits{Gateway: f.RateLimitGateway, Agent: f.RateLimitAgent, Admin: f.RateLimitAdmin, Failures: f.RateLimitFailures}
	deps.Origins = f.CORSOrigins
	for _, text := range f.TrustedProxies {
		network, err := parseNetwork(text)
		if err != nil {
			return fmt.Errorf("read HANDOFF_TRUSTED_PROXIES: %w", err)
		}
		deps.TrustedProxies = append(deps.TrustedProxies, network)
	}
	return nil
}

// parseNetwork takes 10.0.0.0/8, and 10.0.0.7 for that address alone.
func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no network, such as 10.0.0.0/8, and no address", text)
	}
	return network, nil
}
