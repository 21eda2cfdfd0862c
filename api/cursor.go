package api

import (
	"encoding/base64"
	"encoding/json"

	"handoff"
)

// A cursor is the key of the last item of a page, with the name of its list. It opens nothing: every query is bound to the
// account of the key.
func encodeCursor[T any](list string, position T) string {
	// Positions are structs of ids, numbers and times, which always encode.
	text, _ := json.Marshal(cursor[T]{list, position})
	return base64.RawURLEncoding.EncodeToString(text)
}

type cursor[T any] struct {
	List     string `json:"l"`
	Position T      `json:"p"`
}

// decodeCursor gives start for an empty cursor.
func decodeCursor[T any](list, text string, start T) (T, error) {
	if text == "" {
		return start, nil
	}
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	var c cursor[T]
	if err == nil {
		err = json.Unmarshal(decoded, &c)
	}
	if err != nil || c.List != list {
		return start, &handoff.Error{
			Code: handoff.CodeInvalid, Message: "the cursor is not one of this list: take next_cursor of the page before as it is",
			Details: []handoff.ErrorDetail{{Location: "query.cursor", Message: "not a cursor of this list"}},
		}
	}
	return c.Position, nil
}

// cut gives the first limit rows, and the cursor after them if there are more. Lists ask for one row more than they show.
func cut[T any](rows []T, limit int32, after func(T) string) ([]T, string) {
	if len(rows) <= int(limit) {
		return rows, ""
	}
	rows = rows[:limit]
	return rows, after(rows[limit-1])
}

// pageByID gives one page of a list that is ordered by id. read gives at most limit rows whose id is after the given one.
func pageByID[Row, View any](in Page, name string, id func(Row) handoff.ID, view func(Row) View,
	read func(after handoff.ID, limit int32) ([]Row, error),
) (*listOutput[View], error) {
	after, err := decodeCursor(name, in.Cursor, handoff.ID{})
	if err != nil {
		return nil, err
	}
	rows, err := read(after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	rows, next := cut(rows, in.Limit, func(row Row) string { return encodeCursor(name, id(row)) })
	items := make([]View, 0, len(rows))
	for _, row := range rows {
		items = append(items, view(row))
	}
	return &listOutput[View]{list[View]{items, next}}, nil
}
