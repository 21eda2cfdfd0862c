package graph

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"handoff"
	"handoff/internal/outbound"
)

// uploadTimeout is time for a file of MaxMedia over 3 Mbit/s.
const uploadTimeout = 5 * time.Minute

// File is a file to upload.
type File struct {
	Name     string
	MIMEType string // such as image/jpeg
	Size     int64  // in bytes, exactly
	Content  io.Reader
}

// Upload gives a file to Meta and returns its media id, which works for 30 days (business-phone-numbers/media, "Upload media"). The
// file is streamed. A second upload of the same file does no harm: it has an id of its own.
//
// The errors are a meta.SendError, invalid for a file that Meta does not take, and unavailable where no answer came.
func (c *Client) Upload(ctx context.Context, token, phoneNumberID string, file File) (string, error) {
	if err := checkID("phone number id", phoneNumberID); err != nil {
		return "", err
	}
	if file.Size <= 0 || file.Size > MaxMedia {
		return "", handoff.Errorf(handoff.CodeInvalid, "the file has %d bytes: WhatsApp takes from 1 to %d", file.Size, MaxMedia)
	}
	head, tail, contentType, err := multipartAround(file)
	if err != nil {
		return "", err
	}
	header := bearer(token)
	header.Set("Content-Type", contentType)
	result := c.http.Do(ctx, outbound.Request{
		Method: http.MethodPost, URL: c.base + "/" + phoneNumberID + "/media", Header: header, Once: true, Timeout: uploadTimeout,
		Content: io.MultiReader(bytes.NewReader(head), file.Content, bytes.NewReader(tail)), Size: int64(len(head)+len(tail)) + file.Size,
	})
	var answer struct {
		ID string `json:"id"`
	}
	if err := read(token, result, &answer); err != nil {
		return "", fmt.Errorf("upload a file: %w", err)
	}
	if answer.ID == "" {
		return "", handoff.Errorf(handoff.CodeUnavailable, "Meta took the file and named no id for it: try again")
	}
	return answer.ID, nil
}

// multipartAround is what comes before and after the file's bytes, and the Content-Type of the whole.
func multipartAround(file File) (head, tail []byte, contentType string, err error) {
	if strings.ContainsFunc(file.MIMEType, func(r rune) bool { return r < ' ' || r > '~' }) || !strings.Contains(file.MIMEType, "/") {
		return nil, nil, "", handoff.Errorf(handoff.CodeInvalid, "the file's MIME type is not valid: give one such as image/jpeg")
	}
	var buffer bytes.Buffer
	form := multipart.NewWriter(&buffer)
	// Nothing can fail before the file: the buffer takes all.
	_ = form.WriteField("messaging_product", "whatsapp")
	_ = form.WriteField("type", file.MIMEType)
	_, _ = form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {multipart.FileContentDisposition("file", cleanName(file.Name))},
		"Content-Type":        {file.MIMEType},
	})
	length := buffer.Len()
	_ = form.Close()
	return buffer.Bytes()[:length], buffer.Bytes()[length:], form.FormDataContentType(), nil
}

// cleanName leaves no line break, path or emptiness in a file name.
func cleanName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name)
	if name == "" {
		return "file"
	}
	return name
}
