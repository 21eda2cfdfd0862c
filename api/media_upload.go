package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/mediastore"
)

// fileKinds are the types of message that carry a file.
var fileKinds = []string{"audio", "document", "image", "sticker", "video"}

// maxDeclared is the longest content type that is kept.
const maxDeclared = 200

// upload takes an agent's file in. The file is streamed into the store; the answer comes once it is there.
func (s *server) upload(c *gin.Context) {
	ctx := c.Request.Context()
	row, err := s.receive(ctx, c.Request)
	if err != nil {
		// What is left of the body is not read.
		c.Header("Connection", "close")
		s.refuse(c, s.arrivalError(c.Request, err))
		return
	}
	view, err := s.mediaView(row)
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.JSON(http.StatusCreated, view)
}

// receive stores the file of a request under the id of its command, so that a repeated request finds it.
func (s *server) receive(ctx context.Context, r *http.Request) (dbsqlc.Media, error) {
	q, cmd, account := s.queries(ctx), commandOf(ctx), keyOf(ctx).AccountID
	if cmd.Repeated {
		rows, err := q.MediaList(ctx, dbsqlc.MediaListParams{AccountID: account, Ids: []handoff.ID{cmd.ID}})
		if err != nil {
			return dbsqlc.Media{}, err
		}
		if len(rows) > 0 && rows[0].State == handoff.MediaReady {
			drain(r)
			return rows[0], nil
		}
	}
	file, err := openFile(r)
	if err != nil {
		return dbsqlc.Media{}, err
	}
	if err := q.MediaInsertUpload(ctx, dbsqlc.MediaInsertUploadParams{
		ID: cmd.ID, AccountID: account, Kind: file.kind, CreatedAt: s.Now(),
	}); err != nil {
		return dbsqlc.Media{}, err
	}
	finish, err := s.storeFile(ctx, file, mediastore.Key(account, cmd.ID))
	if err == nil {
		finish.AccountID, finish.ID = account, cmd.ID
		_, err = q.MediaFinishUpload(ctx, finish)
	}
	var row dbsqlc.Media
	if err == nil {
		if row, err = q.MediaGet(ctx, dbsqlc.MediaGetParams{AccountID: account, ID: cmd.ID}); errors.Is(err, pgx.ErrNoRows) {
			err = handoff.Errorf(handoff.CodeConflict, "the file was deleted while it arrived: upload it again with a new Idempotency-Key")
		}
	}
	if err != nil {
		after, cancel := afterwards(ctx)
		defer cancel()
		s.dropUpload(after, account, cmd.ID)
		return dbsqlc.Media{}, err
	}
	return row, nil
}

// storeFile writes the file and says what it is.
func (s *server) storeFile(ctx context.Context, file *incoming, key string) (dbsqlc.MediaFinishUploadParams, error) {
	now := s.Now()
	limit := mediastore.Limit(file.kind, file.declared)
	if file.size > limit {
		return dbsqlc.MediaFinishUploadParams{}, mediastore.ErrTooLarge{Limit: limit}
	}
	info, err := s.Store.Write(ctx, key, file.content, mediastore.Limits{MaxBytes: limit})
	if err == nil {
		err = file.finish()
	}
	if err != nil {
		return dbsqlc.MediaFinishUploadParams{}, err
	}
	hash, size := info.SHA256, info.Size
	info.MIMEType = mediastore.Type(file.declared, info.MIMEType, file.kind)
	if file.kind == "" {
		file.kind = kindOf(info)
	} else if err := mediastore.CheckOutbound(file.kind, info); err != nil {
		return dbsqlc.MediaFinishUploadParams{}, err
	}
	out := dbsqlc.MediaFinishUploadParams{
		Kind: file.kind, DeclaredType: optional(file.declared), MimeType: &info.MIMEType, Sha256: &hash, Size: &size, FinishedAt: &now,
	}
	if file.filename != "" {
		out.Filename = optional(mediastore.Filename(file.filename))
	}
	return out, nil
}

// kindOf is the type of message as which WhatsApp takes a file; as a document it takes any.
func kindOf(info mediastore.Info) string {
	family, _, _ := strings.Cut(info.MIMEType, "/")
	for _, kind := range []string{family, "sticker"} {
		if mediastore.CheckOutbound(kind, info) == nil {
			return kind
		}
	}
	return "document"
}

// dropUpload removes what is left of an upload. What it does not reach, the sweep of unused uploads does.
func (s *server) dropUpload(ctx context.Context, account, id handoff.ID) {
	_, err := s.queries(ctx).MediaDropUpload(ctx, dbsqlc.MediaDropUploadParams{AccountID: account, ID: id})
	if err == nil {
		// Bytes whose row somebody else has deleted meanwhile nobody would find again.
		if _, err = s.queries(ctx).MediaGet(ctx, dbsqlc.MediaGetParams{AccountID: account, ID: id}); errors.Is(err, pgx.ErrNoRows) {
			err = s.Store.Delete(ctx, mediastore.Key(account, id))
		}
	}
	if err != nil {
		s.Log.ErrorContext(ctx, "what is left of an upload was not removed", "media_id", id, "error", err)
	}
}

// arrivalError says what went wrong with a body, as far as it is the body that did.
func (s *server) arrivalError(r *http.Request, err error) error {
	if body, ok := r.Body.(*uploadBody); ok && body.failure != nil {
		var over *http.MaxBytesError
		if errors.As(body.failure, &over) {
			return mediastore.ErrTooLarge{Limit: mediastore.MaxBytes}
		}
		return bodyError(body.failure)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return handoff.Errorf(handoff.CodeMalformed, "the form ends before its last boundary")
	}
	return err
}

// drain reads a body that is not needed: a client that is still sending may not look at the answer.
func drain(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }

// incoming is a file on its way in.
type incoming struct {
	filename, declared, kind string
	content                  io.Reader
	size                     int64             // as announced; -1 if it is not
	form                     *multipart.Reader // nil where the body is the file itself
}

// openFile finds the file in a request: the part "file" of a form, or the whole body.
func openFile(r *http.Request) (*incoming, error) {
	query := r.URL.Query()
	for name := range query {
		if name != "filename" && name != "kind" {
			return nil, fieldError("query."+name, "there is no such parameter: use filename and kind")
		}
	}
	file := &incoming{filename: query.Get("filename"), kind: query.Get("kind"), size: -1}
	if err := file.checkKind("query.kind"); err != nil {
		return nil, err
	}
	declared, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if declared != "multipart/form-data" {
		file.content, file.size = r.Body, r.ContentLength
		if declared != "application/x-www-form-urlencoded" { // curl --data-binary says so of everything
			file.declare(r.Header.Get("Content-Type"))
		}
		return file, nil
	}
	var err error
	if file.form, err = r.MultipartReader(); err != nil {
		return nil, handoff.Errorf(handoff.CodeMalformed, "the form has no boundary in its Content-Type")
	}
	if err := file.parts(true); err != nil {
		return nil, err
	}
	if file.content == nil {
		return nil, fieldError("body.file", `the form has no part "file"`)
	}
	return file, nil
}

// finish reads what follows the file.
func (f *incoming) finish() error {
	if f.form == nil {
		return nil
	}
	return f.parts(false)
}

// parts reads fields up to the file or, after it, up to the end.
func (f *incoming) parts(wanted bool) error {
	for {
		part, err := f.form.NextPart()
		if err == io.EOF { // wrapped, it is a form without its last boundary
			return nil
		}
		if err != nil {
			return malformedForm(err)
		}
		switch name := part.FormName(); {
		case name == "file" && wanted:
			f.content = part
			if f.filename == "" {
				f.filename = part.FileName()
			}
			f.declare(part.Header.Get("Content-Type"))
			return nil
		case name == "kind" || name == "filename":
			if err := f.field(name, part); err != nil {
				return err
			}
		default:
			return fieldError("body", `a form has one part "file", and may have the fields "kind" and "filename"`)
		}
	}
}

func (f *incoming) field(name string, part io.Reader) error {
	const longest = 1 << 10
	value, err := io.ReadAll(io.LimitReader(part, longest+1))
	if err != nil {
		return malformedForm(err)
	}
	if len(value) > longest {
		return fieldError("body."+name, "it is too long")
	}
	if name == "filename" {
		f.filename = string(value)
		return nil
	}
	f.kind = string(value)
	return f.checkKind("body.kind")
}

func (f *incoming) checkKind(at string) error {
	if f.kind == "" || slices.Contains(fileKinds, f.kind) {
		return nil
	}
	return fieldError(at, "a file is of the kind "+strings.Join(fileKinds, ", "))
}

// declare takes the sender's word on the type, if it can be kept.
func (f *incoming) declare(contentType string) {
	if len(contentType) <= maxDeclared && utf8.ValidString(contentType) && !strings.ContainsRune(contentType, 0) {
		f.declared = contentType
	}
}

// malformedForm keeps the cause, which tells a form that is cut off from one that is wrong.
func malformedForm(err error) error {
	return &handoff.Error{Code: handoff.CodeMalformed, Message: "the form cannot be read: its parts are not as multipart/form-data has them", Err: err}
}

func fieldError(at, sentence string) error {
	return &handoff.Error{
		Code: handoff.CodeInvalid, Message: at + ": " + sentence, Details: []handoff.ErrorDetail{{Location: at, Message: sentence}},
	}
}
