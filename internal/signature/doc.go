// Package signature signs and verifies webhooks. It is pure: bytes and times in, headers out; no clock and no network.
//
// Three schemes are spoken, all of them over the exact bytes of the body:
//
//   - Standard Webhooks 1.0.0 (github.com/standard-webhooks/standard-webhooks): the signed content is "id.timestamp.body" and
//     the header webhook-signature is a space-separated list of "v1,<base64 HMAC-SHA256>" and "v1a,<base64 ed25519>" entries.
//   - Aksita and Kapso: X-Webhook-Signature is the lower-case hex HMAC-SHA256 of the body under the raw secret string.
//   - Meta: X-Hub-Signature-256 is "sha256=" and the same hex under the app secret.
package signature
