// Package admin sets an account up: inboxes, endpoints, agents and API keys. The API and the command line both call it, so that
// both refuse the same mistakes with the same words.
package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/graph"
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
	// Check asks Meta whether an inbox with these credentials can work (graph.Client.Check). Nothing is asked if it is nil.
	Check func(ctx context.Context, token, wabaID, phoneNumberID string) ([]graph.CheckResult, graph.NumberInfo, error)
	// Reach says whether anything answers at a URL (ReachBy). Nothing is asked if it is nil.
	Reach func(ctx context.Context, url string) error
	// Issuer says whether an issuer can be discovered (signin.CheckBy). Nothing is asked if it is nil.
	Issuer func(ctx context.Context, issuer string) error
	// GraphURL is where Meta's Graph API is, as endpoints show it; its public address if it is empty.
	GraphURL string
	// Now is the clock; time.Now if absent.
	Now func() time.Time
	// Audit is told what is made. DB is to be its DB. Nobody is told if it is nil.
	Audit *Audit
}

func (a Admin) now() time.Time {
	if a.Now == nil {
		return time.Now()
	}
	return a.Now()
}

// CreateAccount makes an account.
func (a Admin) CreateAccount(ctx context.Context, name string) (dbsqlc.Account, error) {
	var c check
	name = c.name(name)
	if err := c.err(); err != nil {
		return dbsqlc.Account{}, err
	}
	id := handoff.NewID()
	a.made("account", id, id)
	return dbsqlc.New(a.DB).AccountInsert(ctx, dbsqlc.AccountInsertParams{ID: id, Name: name})
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
func (c *check) name(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		c.fault("name", "name is empty: give 1 to %d characters", maxName)
	}
	return c.text("name", text, maxName)
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

// secret checks a text that is sealed: a token that goes into a header, where a blank or a line break would spoil it.
func (c *check) secret(field, text string, limit int) {
	if len(text) > limit || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		c.fault(field, "%s holds a blank or an unusual character, or is longer than %d: copy it again", field, limit)
	}
}

// within checks a number.
func (c *check) within(field string, n, from, to int) {
	if n < from || n > to {
		c.fault(field, "%s is %d: it must be %d to %d", field, n, from, to)
	}
}

// seal gives nothing for an empty text, which stands for none.
func (a Admin) seal(text string, place secretbox.AssociatedData) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	return a.Box.Seal([]byte(text), place)
}

func (a Admin) open(sealed []byte, place secretbox.AssociatedData) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	plain, err := a.Box.Open(sealed, place)
	return string(plain), err
}

func set[T any](field *T, change *T) {
	if change != nil {
		*field = *change
	}
}

// number is a number that is optional in the database, where 0 stands for none.
func (c *check) number(field string, row *int32, change *int, limit int) *int32 {
	return c.numberFrom(field, row, change, 1, limit)
}

// numberFrom is the same with a least value besides 0.
func (c *check) numberFrom(field string, row *int32, change *int, from, to int) *int32 {
	switch {
	case change == nil:
		return row
	case *change == 0:
		return nil
	case *change < from || *change > to:
		c.fault(field, "%s is %d: it must be %d to %d, or 0 for none", field, *change, from, to)
		return row
	}
	n := int32(*change)
	return &n
}

// words are trimmed texts, each once whatever its case.
func (c *check) words(field string, texts []string, limit int) []string {
	if len(texts) > limit {
		c.fault(field, "%s has %d entries: at most %d are allowed", field, len(texts), limit)
	}
	out := make([]string, 0, len(texts))
	for _, text := range texts {
		text = c.text(field, strings.TrimSpace(text), maxWord)
		switch {
		case text == "":
			c.fault(field, "%s has an empty entry: remove it", field)
		case slices.ContainsFunc(out, func(o string) bool { return strings.EqualFold(o, text) }):
			c.fault(field, "%s has %.60q twice: remove one", field, text)
		}
		out = append(out, text)
	}
	return out
}
