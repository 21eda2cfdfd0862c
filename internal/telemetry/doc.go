// Package telemetry holds what a process tells of itself beside its metrics: log lines that carry no secret and no personal data, and
// traces of requests through the API, Temporal and the database up to the webhook.
//
// Logs and traces are copied into systems that nobody erases a person from. They are clean by construction; what stands here is the last
// line of defence: log values go through Redact, and spans keep none but the attributes that are known to be harmless.
package telemetry
