package fakegraph

import (
	"bytes"
	"encoding/json"
	"slices"
)

// shown is how many sends the page lists.
const shown = 50

// page is GET /: the latest sends first, for a newcomer who wants to see what a customer would.
func (g *Graph) page() *answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	sent := slices.Clone(g.sent[max(0, len(g.sent)-shown):])
	slices.Reverse(sent)
	page := map[string]any{"sent": sent, "dropped": len(g.dropped), "waiting_webhooks": len(g.queue)}
	if g.problem != "" {
		page["webhook_problem"] = g.problem
	}
	plain := ok(page)
	var indented bytes.Buffer
	if err := json.Indent(&indented, plain.body, "", "  "); err == nil {
		plain.body = indented.Bytes()
	}
	return plain
}
