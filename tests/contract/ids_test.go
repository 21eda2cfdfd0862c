package contract_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

// ids are those of things that an account has, by the collection in which they are.
type ids struct {
	known     map[string][]string
	protected []string
}

// singular is what one of a collection is called in names of parameters: inboxes have an inbox_id.
func singular(collection string) string {
	collection = strings.ReplaceAll(collection, "-", "_")
	for _, end := range [][2]string{{"ies", "y"}, {"xes", "x"}, {"s", ""}} {
		if before, found := strings.CutSuffix(collection, end[0]); found {
			return before + end[1]
		}
	}
	return collection
}

// collectionOf is where the id is that a path's parameter stands for.
func collectionOf(path, parameter string) string {
	before, _, _ := strings.Cut(path, "/{"+parameter+"}")
	segment := before[strings.LastIndex(before, "/")+1:]
	if parameter == "id" || singular(segment)+"_id" == parameter {
		return singular(segment)
	}
	return strings.TrimSuffix(parameter, "_id")
}

// of are ids of a collection; any where there are none.
func (i *ids) of(collection string, g *generator) string {
	if known := i.known[collection]; len(known) > 0 {
		return pick(g, "id", known)
	}
	return i.any(g)
}

func (i *ids) any(g *generator) string {
	var all []string
	for _, collection := range slices.Sorted(maps.Keys(i.known)) {
		all = append(all, i.known[collection]...)
	}
	return pick(g, "id", append(all, handoff.NewID().String()))
}

// collect asks every list of the document for what the account has: those of one thing too, of the first of its kind.
func (a *account) collect(t *testing.T) *ids {
	t.Helper()
	found := &ids{known: map[string][]string{}, protected: []string{a.gatewayKeyID, a.agentKeyID, a.adminID}}
	for range 2 {
		for _, path := range a.document.Paths.InMatchingOrder() {
			operation := a.document.Paths.Value(path).Get
			if operation == nil || operation.Extensions["x-scope"] == nil {
				continue
			}
			target, complete := found.resolve(path)
			if !complete {
				continue
			}
			collection := singular(path[strings.LastIndex(path, "/")+1:])
			for _, id := range a.listed(t, target) {
				if !slices.Contains(found.known[collection], id) && !slices.Contains(found.protected, id) {
					found.known[collection] = append(found.known[collection], id)
				}
			}
		}
	}
	require.NotEmpty(t, found.known["conversation"])
	require.NotEmpty(t, found.known["message"])
	return found
}

func (i *ids) resolve(path string) (string, bool) {
	parts := strings.Split(path, "/")
	for n, part := range parts {
		name, isParameter := strings.CutPrefix(part, "{")
		if !isParameter {
			continue
		}
		known := i.known[collectionOf(path, strings.TrimSuffix(name, "}"))]
		if len(known) == 0 || n == len(parts)-1 {
			return "", false
		}
		parts[n] = known[0]
	}
	return strings.Join(parts, "/"), true
}

// listed are the ids of a list's first page.
func (a *account) listed(t *testing.T, path string) []string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+path, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+a.adminKey)
	response, err := a.client.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		return nil // a stream, or a refusal
	}
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var page struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	if json.Unmarshal(body, &page) != nil {
		return nil
	}
	var out []string
	for _, item := range page.Items {
		if item.ID != "" {
			out = append(out, item.ID)
		}
	}
	return out
}
