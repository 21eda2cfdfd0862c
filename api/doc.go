// Package api is the HTTP surface: intake for gateways, commands and reads for agents, configuration for admins.
//
// A request passes through these, in this order:
//
//	request id ─▶ log ─▶ recover ─▶ key and scope ─▶ body cap ─▶ Idempotency-Key ─▶ handler
//
// Native JSON routes are Huma operations, whose Go types are schema and validator at once; routes in a vendor's shape are plain
// gin and take whatever the vendor sends. Each route is declared once, with the scope that it needs.
package api
