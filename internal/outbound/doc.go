// Package outbound posts webhooks to addresses that a tenant chose, without letting the tenant reach the operator's network. Calls
// of vendors' APIs and downloads of media go the same way.
//
// The guard looks at the resolved address of every connection, after DNS and before connect, so that a name which resolves to
// an internal address, now or on the second look-up (DNS rebinding), is refused. CheckURL refuses most of them earlier, when an
// endpoint is saved. Proxies of the environment (HTTP_PROXY and its kin) are ignored: behind one, the guard would only see the proxy's
// address.
//
// A proxy that the operator configures is another matter (Config.Proxy): every connection goes through it, and nothing but its own
// address is dialled. CheckURL still refuses addresses, ports and internal names as they stand in a URL; but names are resolved by the
// proxy, so it is the proxy that must refuse those of internal addresses, as smokescreen does, and Config.AllowPrivateCIDRs must be
// known to it too. What it denies is ErrorBlocked, what it cannot reach is the error that it would have been without a proxy, as far as
// it says so, and its own failures are ErrorProxy. That holds for https:// targets, which are asked for with CONNECT, and for socks5. An
// http proxy answers for an http:// target in the target's place: a failure to connect to the proxy is ErrorProxy, and any answer
// counts as the target's, since a target could fake what a proxy says.
//
// Redirects are not followed (Standard Webhooks: "3xx is a failure"), answers are not decompressed, and one deadline covers
// DNS, connect, TLS, sending, headers and body.
package outbound
