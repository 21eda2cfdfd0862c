// Package meta reads and writes the JSON of Meta's WhatsApp Cloud API. It is pure: bytes in, items out; message in, bytes out.
//
// One POST of Meta's is a batch: up to a thousand updates of several numbers and people (webhooks/overview). Every element is
// decoded on its own, and one that cannot be understood becomes an item with a reason, because refusing the body for it would
// lose its neighbours: Meta has no call that fetches them again.
//
//	body ─▶ entry[] ─▶ changes[] ─┬─ field messages, smb_message_echoes ─▶ one item per message, echo, status and error
//	                              ├─ field standby                      ─▶ the same, as the transcript of Meta's own agent
//	                              ├─ field messaging_handovers          ─▶ an offload where control came to people, else an event
//	                              └─ any other field                    ─▶ one event per change
package meta
