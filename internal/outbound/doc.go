// Package outbound posts webhooks to addresses that a tenant chose, without letting the tenant reach the operator's network. Calls
// of vendors' APIs and downloads of media go the same way.
//
// The guard looks at the resolved address of every connection, after DNS and before connect, so that a name which resolves to
// an internal address, now or on the second look-up (DNS rebinding), is refused. CheckURL refuses most of them earlier, when an
// endpoint is saved. Proxies of the environment are ignored: behind one, the guard would only see the proxy's address.
//
// Redirects are not followed (Standard Webhooks: "3xx is a failure"), answers are not decompressed, and one deadline covers
// DNS, connect, TLS, sending, headers and body.
package outbound
