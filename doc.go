// Package handoff is the vocabulary of the product: statuses, message states, events, ids and error codes.
//
// Every other package speaks these words and only these. The package imports nothing of the module, so that it can be
// imported from everywhere, deterministic workflow code included.
//
// A conversation moves through its statuses like this:
//
//	            offload, message with content
//	(nothing) ────────────────────────────────▶ waiting ◀───── release ─────┐
//	                                             │   │                      │
//	                                             │   └── claim, reply ──▶ assigned
//	                                             │                          │
//	                                             └──── resolve, inactivity ─┴──▶ ended{resolved|inactivity|gateway|admin}
package handoff
