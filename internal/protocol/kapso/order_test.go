package kapso_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tree is JSON with its keys in order: an object has keys and children, a list has children, anything else is a scalar.
type tree struct {
	kind     byte // {, [ or 0
	keys     []string
	children []*tree
	scalar   any
}

func parseTree(t *testing.T, raw []byte) *tree {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	parsed, err := readTree(decoder)
	require.NoError(t, err)
	_, err = decoder.Token()
	require.ErrorIs(t, err, io.EOF, "one JSON value and nothing after it")
	parsed.requireUnique(t)
	return parsed
}

// requireUnique fails where a key stands twice in one object.
func (n *tree) requireUnique(t *testing.T) {
	t.Helper()
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(n.keys))), len(n.keys), "%q", n.keys)
	for _, child := range n.children {
		child.requireUnique(t)
	}
}

func readTree(decoder *json.Decoder) (*tree, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return &tree{scalar: token}, nil
	}
	node := &tree{kind: byte(delim)}
	for decoder.More() {
		if delim == '{' {
			key, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			node.keys = append(node.keys, key.(string))
		}
		child, err := readTree(decoder)
		if err != nil {
			return nil, err
		}
		node.children = append(node.children, child)
	}
	_, err = decoder.Token()
	return node, err
}

// at walks a path like message.kapso.statuses.0.id; nil where it leads nowhere.
func (n *tree) at(path string) *tree {
	for step := range strings.SplitSeq(path, ".") {
		i := n.index(step)
		if i < 0 {
			return nil
		}
		n = n.children[i]
	}
	return n
}

func (n *tree) index(step string) int {
	if n.kind == '{' {
		return slices.Index(n.keys, step)
	}
	if i, err := strconv.Atoi(step); err == nil && i < len(n.children) {
		return i
	}
	return -1
}

// cut removes what is at the path, which has to be there.
func (n *tree) cut(t *testing.T, path string) {
	t.Helper()
	parent, last := n, path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		parent, last = n.at(path[:i]), path[i+1:]
	}
	require.NotNil(t, parent, path)
	i := parent.index(last)
	require.GreaterOrEqual(t, i, 0, "the sample has no %s", path)
	parent.children = slices.Delete(parent.children, i, i+1)
	if parent.kind == '{' {
		parent.keys = slices.Delete(parent.keys, i, i+1)
	}
}

// differences are where ours is not as the sample: a key that is missing or stands before one that should come earlier, another value.
// Keys that only ours has are no difference.
func differences(path string, sample, ours *tree) []string {
	if sample.kind != ours.kind || sample.scalar != ours.scalar {
		return []string{fmt.Sprintf("%s: %v instead of %v", path, ours.scalar, sample.scalar)}
	}
	var found []string
	if sample.kind == '[' && len(sample.children) != len(ours.children) {
		return []string{fmt.Sprintf("%s: %d elements instead of %d", path, len(ours.children), len(sample.children))}
	}
	before := -1
	for i, child := range sample.children {
		step := strconv.Itoa(i)
		if sample.kind == '{' {
			step = sample.keys[i]
		}
		j := ours.index(step)
		if j < 0 {
			found = append(found, path+"."+step+": is missing")
			continue
		}
		if j < before {
			found = append(found, path+"."+step+": stands too early")
		}
		before = j
		found = append(found, differences(path+"."+step, child, ours.children[j])...)
	}
	return found
}

func TestTheCheckOfOrderSeesEveryDifference(t *testing.T) {
	t.Parallel()
	sample := parseTree(t, []byte(`{"a":1,"b":{"c":"x","d":null},"e":[{"f":true}]}`))
	for body, want := range map[string][]string{
		`{"a":1,"b":{"c":"x","new":0,"d":null},"e":[{"f":true}],"g":2}`: nil,
		`{"b":{"c":"x","d":null},"a":1,"e":[{"f":true}]}`:               {".b: stands too early"},
		`{"a":1,"b":{"d":null,"c":"x"},"e":[{"f":true}]}`:               {".b.d: stands too early"},
		`{"a":"1","b":{"c":"x"},"e":[{"f":true},1]}`:                    {".a: 1 instead of 1", ".b.d: is missing", ".e: 2 elements instead of 1"},
	} {
		require.Equal(t, want, differences("", sample, parseTree(t, []byte(body))), body)
	}
}
