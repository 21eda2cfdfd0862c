// Package admin sets an account up: inboxes, endpoints, agents and API keys. The API and the command line both call it, so that
// both refuse the same mistakes with the same words.
package admin

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/secretbox"
)

const (
	maxName  = 200
	maxValue = 500
)

// Box seals secrets at rest.
type Box interface {
	Seal(plaintext []byte, place secretbox.AssociatedData) ([]byte, error)
	Open(sealed []byte, place secretbox.AssociatedData) ([]byte, error)
}

// Admin is what the functions of this package work with. It is a value: a copy with another DB works inside a transaction.
type Admin struct {
	DB  db.DB
	Box Box
	// CheckURL says whether webhooks may be sent to a URL.
	CheckURL func(string) error
	// CheckHeaders says whether these headers may be sent with webhooks.
	CheckHeaders func(map[string]string) error
}

// CreateAccount makes an account.
func (a Admin) CreateAccount(ctx context.Context, name string) (dbsqlc.Account, error) {
	var c check
	name = c.name("name", name)
	if err := c.err(); err != nil {
		return dbsqlc.Account{}, err
	}
	return dbsqlc.New(a.DB).AccountInsert(ctx, dbsqlc.AccountInsertParams{ID: handoff.NewID(), Name: name})
}

// check collects the fields at fault.
type check struct {
	details []handoff.ErrorDetail
}

func (c *check) fault(field, format string, args ...any) {
	c.details = append(c.details, handoff.ErrorDetail{Location: "body." + field, Message: fmt.Sprintf(format, args...)})
}

func (c *check) err() error {
	if len(c.details) == 0 {
		return nil
	}
	sentences := make([]string, 0, len(c.details))
	for _, d := range c.details {
		sentences = append(sentences, d.Message)
	}
	return &handoff.Error{Code: handoff.CodeInvalid, Message: strings.Join(sentences, "; "), Details: c.details}
}

// name is the trimmed text, which must not be empty.
func (c *check) name(field, text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		c.fault(field, "%s is empty: give 1 to %d characters", field, maxName)
	}
	return c.text(field, text, maxName)
}

func (c *check) text(field, text string, limit int) string {
	if n := utf8.RuneCountInString(text); n > limit {
		c.fault(field, "%s has %d characters: at most %d are allowed", field, n, limit)
	}
	// Postgres cannot hold it in a text.
	if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
		c.fault(field, "%s holds a NUL character or is no UTF-8: remove it", field)
	}
	return text
}

func set[T any](field *T, change *T) {
	if change != nil {
		*field = *change
	}
}
