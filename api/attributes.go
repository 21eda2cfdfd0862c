package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"handoff"
	"handoff/db/dbsqlc"
)

const (
	maxAttributes      = 100
	maxAttributeKey    = 64
	maxAttributeLength = 1000
)

// attributes is what a client keeps of a conversation or a contact.
type attributes map[string]string

// attributeChange sets attributes, and removes those that are null.
type attributeChange map[string]*string

// Schema says that a value may be null, which a pointer alone does not say to Huma.
func (attributeChange) Schema(huma.Registry) *huma.Schema {
	limit, longest := maxAttributes, maxAttributeLength
	return &huma.Schema{
		Type: huma.TypeObject, MaxProperties: &limit,
		Description:          "What is to be changed: a text sets an attribute, null removes it, and the others stay. Keys have 1 to 64 characters, values 1000 at most, and there are 100 at most.",
		AdditionalProperties: &huma.Schema{Type: huma.TypeString, Nullable: true, MaxLength: &longest},
	}
}

func readAttributes(column json.RawMessage) (attributes, error) {
	out := attributes{}
	return out, json.Unmarshal(column, &out)
}

// with applies a change.
func (a attributes) with(change attributeChange) (attributes, error) {
	out := maps.Clone(a)
	for key, value := range change {
		if n := utf8.RuneCountInString(key); n == 0 || n > maxAttributeKey || strings.ContainsFunc(key, unicode.IsControl) {
			return nil, fieldError("body.attributes", "the name of an attribute has 1 to 64 characters, and no control characters")
		}
		if value == nil {
			delete(out, key)
			continue
		}
		if utf8.RuneCountInString(*value) > maxAttributeLength || strings.ContainsRune(*value, 0) {
			return nil, fieldError("body.attributes", "the value of an attribute has at most 1000 characters, and no NUL")
		}
		out[key] = *value
	}
	if len(out) > maxAttributes {
		return nil, fieldError("body.attributes", "there would be more than 100 attributes: remove some, by null")
	}
	return out, nil
}

type describeInput struct {
	ByID
	Versioned
	Body struct {
		Attributes attributeChange `json:"attributes,omitempty"`
		Priority   string          `json:"priority,omitempty" enum:"low,normal,high,urgent" doc:"Orders the queue."`
		AgentID    *handoff.ID     `json:"agent_id,omitempty" format:"uuid" doc:"Who acts, with an admin's key. An agent's key acts for its agent."`
	}
}

func (s *server) attributeRoutes() {
	handle(s, operation{
		id: "update-conversation", method: http.MethodPatch, path: "/v1/conversations/{id}", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Change a conversation's attributes and priority", errors: []int{http.StatusNotFound, http.StatusConflict},
		description: "What is left out stays as it is. The event conversation.updated has the whole new value of what has changed; where nothing " +
			"has, there is none. Works on ended conversations too.",
	}, s.updateConversation)
}

func (s *server) updateConversation(ctx context.Context, in *describeInput) (*output[Conversation], error) {
	return s.describeConversation(ctx, in.ID, in.Versioned, in.Body.AgentID, func(d *description) (err error) {
		if in.Body.Priority != "" {
			if d.priority, err = handoff.ParsePriority(in.Body.Priority); err != nil {
				return err
			}
		}
		d.attributes, err = d.attributes.with(in.Body.Attributes)
		return err
	})
}

// description is what agents say of a conversation.
type description struct {
	tags       []string
	attributes attributes
	priority   handoff.Priority
}

// changes are the fields that differ from another description, with their whole values.
func (d description) changes(from description) map[string]any {
	out := map[string]any{}
	if !slices.Equal(d.tags, from.tags) {
		out["tags"] = d.tags
	}
	if !maps.Equal(d.attributes, from.attributes) {
		out["attributes"] = d.attributes
	}
	if d.priority != from.priority {
		out["priority"] = d.priority.String()
	}
	return out
}

// describeConversation changes what is said of a conversation, and answers with it.
func (s *server) describeConversation(ctx context.Context, id handoff.ID, v Versioned, agent *handoff.ID, change func(*description) error) (*output[Conversation], error) {
	expect, err := v.expected()
	if err != nil {
		return nil, err
	}
	if _, err := s.findConversation(ctx, id); err != nil {
		return nil, err
	}
	actor, err := s.actor(ctx, agent)
	if err != nil {
		return nil, err
	}
	err = s.perform(ctx, deed{
		account: keyOf(ctx).AccountID, conversation: id, kind: handoff.EventUpdated, actor: actor, expect: expect,
		do: func(ctx context.Context, q *dbsqlc.Queries, conv dbsqlc.Conversation) (any, error) {
			was := description{tags: conv.Tags, priority: conv.Priority}
			if was.attributes, err = readAttributes(conv.Attributes); err != nil {
				return nil, err
			}
			is := was
			if err := change(&is); err != nil {
				return nil, err
			}
			changed := is.changes(was)
			if len(changed) == 0 {
				return nil, nil
			}
			column, err := json.Marshal(is.attributes)
			if err != nil {
				return nil, err
			}
			return changed, q.ConversationDescribe(ctx, dbsqlc.ConversationDescribeParams{
				ID: conv.ID, Tags: is.tags, Attributes: column, Priority: is.priority,
			})
		},
	})
	if err != nil {
		return nil, err
	}
	row, err := s.findConversation(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.conversationOutput(ctx, row)
}
