package api

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/mediastore"
)

const contactExportPath = "/v1/contacts/:id/export"

func (s *server) contactExportRoutes() {
	s.plain(http.MethodGet, contactExportPath, route{scope: handoff.ScopeAdmin, stream: true}, s.exportContact)
}

// contactExport is a ZIP of everything of a contact, written straight onto the answer: it may have any length.
type contactExport struct {
	s       *server
	d       *download
	zip     *zip.Writer
	contact dbsqlc.Contact
	notes   bool
	missing []string
}

func (s *server) exportContact(c *gin.Context) {
	e, profile, err := s.contactExport(c)
	if err != nil {
		s.refuse(c, err)
		return
	}
	e.d = s.newDownload(c, "application/zip", "contact-"+profile.ID.String()+".zip")
	e.zip = zip.NewWriter(e.d)
	err = e.run(c.Request.Context(), profile)
	if err == nil {
		err = e.zip.Close()
	}
	if err == nil {
		err = e.d.finish()
	}
	s.downloaded(c, e.d, err)
}

// contactExport reads the request, and writes down who takes the contact out.
func (s *server) contactExport(c *gin.Context) (*contactExport, ContactProfile, error) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), requestTimeout)
	defer cancel()
	query := c.Request.URL.Query()
	if err := knownParameters(query, "include_notes"); err != nil {
		return nil, ContactProfile{}, err
	}
	e := &contactExport{s: s, notes: true}
	switch query.Get("include_notes") {
	case "", "true":
	case "false":
		e.notes = false
	default:
		return nil, ContactProfile{}, badParameter("query.include_notes", "include_notes is neither true nor false")
	}
	var id handoff.ID
	if err := id.UnmarshalText([]byte(c.Param("id"))); err != nil {
		return nil, ContactProfile{}, badParameter("path.id", "the id of a contact is a UUID")
	}
	var err error
	if e.contact, err = s.findContact(ctx, id); err != nil {
		return nil, ContactProfile{}, err
	}
	views, err := s.contactViews(ctx, []dbsqlc.Contact{e.contact})
	if err != nil {
		return nil, ContactProfile{}, err
	}
	entry := s.auditEntry(ctx, "export-contact", target{kind: "contact", id: &id}, map[string]any{"include_notes": e.notes})
	return e, views[0], s.queries(ctx).AuditInsert(ctx, entry)
}

func (e *contactExport) run(ctx context.Context, profile ContactProfile) error {
	out, err := e.create("contact.json", e.s.Now())
	if err != nil {
		return err
	}
	if err := writeLine(out, profile); err != nil {
		return err
	}
	for _, part := range []struct {
		name  string
		write func(context.Context, io.Writer) error
		left  bool
	}{
		{"conversations.jsonl", e.conversations, false},
		{"messages.jsonl", e.messages, false},
		{"notes.jsonl", e.writeNotes, !e.notes},
		{"ratings.jsonl", e.ratings, false},
	} {
		if part.left {
			continue
		}
		out, err := e.create(part.name, e.s.Now())
		if err != nil {
			return err
		}
		if err := part.write(ctx, out); err != nil {
			return err
		}
	}
	return e.files(ctx)
}

// create begins the next file of the ZIP, after which the one before takes nothing more.
func (e *contactExport) create(name string, at time.Time) (io.Writer, error) {
	if !e.d.opened {
		e.d.open()
	}
	return e.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at.UTC()})
}

// Write takes a part of a download that is no text.
func (d *download) Write(p []byte) (int, error) {
	d.page.Write(p)
	if d.page.Len() < pageBytes {
		return len(p), nil
	}
	return len(p), d.flush()
}

// files puts the bytes of the contact's files in. What the store has no more is named.
func (e *contactExport) files(ctx context.Context) error {
	after := handoff.ID{}
	for {
		rows, err := e.filePage(ctx, after)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := e.file(ctx, row); err != nil {
				return err
			}
			after = row.ID
		}
		if len(rows) < historyPage {
			return e.nameMissing()
		}
	}
}

func (e *contactExport) filePage(ctx context.Context, after handoff.ID) ([]dbsqlc.Media, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return e.s.queries(ctx).ContactExportFiles(ctx, dbsqlc.ContactExportFilesParams{
		AccountID: e.contact.AccountID, ContactID: e.contact.ID, AfterID: after, RowLimit: historyPage,
	})
}

func (e *contactExport) file(ctx context.Context, row dbsqlc.Media) error {
	name := "files/" + row.ID.String()
	if row.Filename != nil {
		name += "-" + mediastore.Filename(*row.Filename)
	}
	content, err := e.s.Store.Read(ctx, mediastore.Key(row.AccountID, row.ID))
	var gone *handoff.Error
	if errors.As(err, &gone) && gone.Code == handoff.CodeNotFound {
		e.missing = append(e.missing, name)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	out, err := e.create(name, row.CreatedAt)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, content)
	return err
}

func (e *contactExport) nameMissing() error {
	if len(e.missing) == 0 {
		return nil
	}
	out, err := e.create("files/missing.jsonl", e.s.Now())
	for _, name := range e.missing {
		if err == nil {
			err = writeLine(out, map[string]string{"file": name})
		}
	}
	return err
}
