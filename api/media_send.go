package api

import (
	"context"
	"encoding/json"
	"slices"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/mediastore"
	"handoff/internal/meta"
	"handoff/internal/protocol"
)

// linkObject is Meta's object of a file that it fetches, its keys in the order of Meta's documentation.
type linkObject struct {
	Link     string `json:"link"`
	Caption  string `json:"caption,omitempty"`
	Filename string `json:"filename,omitempty"`
}

// fileContent is the content of a message that names a file of ours: a public link, which whoever sends the message fetches.
func (s *server) fileContent(ctx context.Context, account handoff.ID, body *sendBody, raw []byte) (json.RawMessage, error) {
	if err := checkFileBody(body, raw); err != nil {
		return nil, err
	}
	file, err := s.sendable(ctx, account, body)
	if err != nil {
		return nil, err
	}
	object := linkObject{Caption: body.Caption}
	if body.Type == "document" {
		// Without a name WhatsApp shows the last part of the link.
		object.Filename = db.OrEmpty(file.Filename)
	}
	if body.Filename != "" {
		object.Filename = mediastore.Filename(body.Filename)
	}
	// Our own link may be http, on a developer's machine.
	object.Link = "https://localhost/m/token"
	content, err := protocol.Encode(object)
	if err != nil {
		return nil, err
	}
	if err := meta.ValidateSend(body.Type, content); err != nil {
		return nil, err
	}
	if s.Links == nil {
		return nil, handoff.Errorf(handoff.CodeConflict,
			"this server cannot send its own files, as it does not know the address at which gateways and Meta reach it: set HANDOFF_PUBLIC_URL")
	}
	if object.Link, err = s.Links(account, file.ID, s.Now()); err != nil {
		return nil, err
	}
	return protocol.Encode(object)
}

// checkFileBody refuses what does not go with media_id.
func checkFileBody(body *sendBody, raw []byte) error {
	if !slices.Contains(fileKinds, body.Type) {
		return fieldError("body.media_id", "a message of type "+body.Type+" carries no file")
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return handoff.Errorf(handoff.CodeMalformed, "the body is no JSON object")
	}
	known := []string{"agent_id", "caption", "filename", "media_id", "reply_to", "type"}
	for name := range parts {
		if !slices.Contains(known, name) {
			return fieldError("body."+name, "it does not go with media_id")
		}
	}
	return nil
}

// sendable is the file of media_id, if WhatsApp takes it as the type of the message.
func (s *server) sendable(ctx context.Context, account handoff.ID, body *sendBody) (dbsqlc.Media, error) {
	rows, err := s.queries(ctx).MediaList(ctx, dbsqlc.MediaListParams{AccountID: account, Ids: []handoff.ID{*body.MediaID}})
	switch {
	case err != nil:
		return dbsqlc.Media{}, err
	case len(rows) == 0:
		return dbsqlc.Media{}, fieldError("body.media_id", "it names no file of this account: upload it to /v1/media first")
	case rows[0].State == handoff.MediaFailed:
		return dbsqlc.Media{}, fieldError("body.media_id", "this file could not be fetched from its vendor, so it cannot be sent")
	case rows[0].State != handoff.MediaReady:
		return dbsqlc.Media{}, handoff.Errorf(handoff.CodeConflict, "the file of media_id is not here yet: send it once its state is ready")
	}
	file := rows[0]
	info := mediastore.Info{MIMEType: db.OrEmpty(file.MimeType)}
	if file.Size != nil {
		info.Size = *file.Size
	}
	return file, mediastore.CheckOutbound(body.Type, info)
}
