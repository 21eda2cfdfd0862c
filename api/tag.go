package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"handoff"
	"handoff/db/dbsqlc"
)

const (
	maxTags      = 50
	maxTagLength = 50
	// tagsLookedAt bounds what a list of tags costs.
	tagsLookedAt = 10_000
	maxTagList   = 1000
)

// Tag is a tag that conversations of the account have.
type Tag struct {
	Name          string `json:"name"`
	Conversations int64  `json:"conversations" doc:"How many of the account's latest 10,000 tagged conversations have it."`
}

type tagList struct {
	Items []Tag `json:"items"`
}

type setTagsInput struct {
	ByID
	Versioned
	Body struct {
		Tags    []string    `json:"tags" maxItems:"50" doc:"The whole set. Tags that differ in case only are the same, in the first spelling."`
		AgentID *handoff.ID `json:"agent_id,omitempty" format:"uuid" doc:"Who acts, with an admin's key. An agent's key acts for its agent."`
	}
}

type editTagsInput struct {
	ByID
	Versioned
	Idempotent
	Body struct {
		Add     []string    `json:"add,omitempty" maxItems:"50"`
		Remove  []string    `json:"remove,omitempty" maxItems:"50" doc:"In whatever case."`
		AgentID *handoff.ID `json:"agent_id,omitempty" format:"uuid" doc:"Who acts, with an admin's key. An agent's key acts for its agent."`
	}
}

func (s *server) tagRoutes() {
	const limits = " A tag has 1 to 50 characters, a conversation 50 tags at most. Works on ended conversations too."
	handle(s, operation{
		id: "set-tags", method: http.MethodPut, path: "/v1/conversations/{id}/tags", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Set a conversation's tags", description: "Replaces the whole set." + limits, errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.setTags)
	handle(s, operation{
		id: "edit-tags", method: http.MethodPost, path: "/v1/conversations/{id}/tags", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Add and remove tags", description: "Leaves the other tags alone." + limits, errors: []int{http.StatusNotFound}, atomic: true,
	}, s.editTags)
	handle(s, operation{
		id: "list-tags", method: http.MethodGet, path: "/v1/tags", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "List the tags in use", description: "The most used first, at most 1000. Counted are the latest 10,000 conversations that have tags.",
	}, s.listTags)
}

func (s *server) setTags(ctx context.Context, in *setTagsInput) (*output[Conversation], error) {
	tags, err := readTags("body.tags", in.Body.Tags)
	if err != nil {
		return nil, err
	}
	return s.describeConversation(ctx, in.ID, in.Versioned, in.Body.AgentID, func(d *description) error {
		d.tags = tags
		return nil
	})
}

func (s *server) editTags(ctx context.Context, in *editTagsInput) (*output[Conversation], error) {
	add, err := readTags("body.add", in.Body.Add)
	if err != nil {
		return nil, err
	}
	return s.describeConversation(ctx, in.ID, in.Versioned, in.Body.AgentID, func(d *description) error {
		d.tags = slices.DeleteFunc(slices.Clone(d.tags), func(tag string) bool {
			return slices.ContainsFunc(in.Body.Remove, func(gone string) bool { return sameTag(tag, strings.TrimSpace(gone)) })
		})
		if d.tags = uniqueTags(append(d.tags, add...)); len(d.tags) > maxTags {
			return fieldError("body.add", "the conversation would have more than 50 tags: remove some")
		}
		return nil
	})
}

func (s *server) listTags(ctx context.Context, _ *struct{}) (*output[tagList], error) {
	rows, err := s.queries(ctx).TagList(ctx, dbsqlc.TagListParams{AccountID: keyOf(ctx).AccountID, LookedAt: tagsLookedAt, RowLimit: maxTagList})
	items := make([]Tag, 0, len(rows))
	for _, row := range rows {
		items = append(items, Tag(row))
	}
	return &output[tagList]{tagList{items}}, err
}

// readTags trims tags and makes them unique.
func readTags(location string, tags []string) ([]string, error) {
	out := make([]string, 0, len(tags))
	for i, tag := range tags {
		tag = strings.TrimSpace(tag)
		if n := utf8.RuneCountInString(tag); n == 0 || n > maxTagLength || strings.ContainsFunc(tag, unicode.IsControl) {
			return nil, fieldError(location+"["+strconv.Itoa(i)+"]", "a tag has 1 to 50 characters, and no control characters")
		}
		out = append(out, tag)
	}
	return uniqueTags(out), nil
}

func sameTag(a, b string) bool { return strings.EqualFold(a, b) }

func uniqueTags(tags []string) []string {
	out := make([]string, 0, len(tags))
	for _, tag := range tags {
		if !slices.ContainsFunc(out, func(seen string) bool { return sameTag(seen, tag) }) {
			out = append(out, tag)
		}
	}
	return out
}
