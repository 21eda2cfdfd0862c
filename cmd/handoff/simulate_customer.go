package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"handoff"
)

// newCustomer is the customer as the inbox's protocol sees them.
func newCustomer(ctx context.Context, s *simStack, inbox simInbox, c *simulateCmd) (customer, error) {
	base := person{stack: s, inbox: inbox, from: c.From, name: c.Name}
	gateway := inbox.Protocol == handoff.ProtocolHitlChat || inbox.Protocol == handoff.ProtocolNative || inbox.Protocol == handoff.ProtocolAksita
	if gateway && s.info.Keys.Gateway == "" {
		return nil, errors.New("a gateway's key is needed to write to this inbox: give --gateway-key")
	}
	secrets, err := s.secrets(ctx, inbox.ID)
	if err != nil {
		return nil, fmt.Errorf("read the inbox's secrets: %w", err)
	}
	switch inbox.Protocol {
	case handoff.ProtocolHitlChat:
		return &metaCustomer{person: base, token: secrets.accessToken}, nil
	case handoff.ProtocolKapso, handoff.ProtocolPassthrough:
		if secrets.appSecret == "" {
			return nil, errors.New("Meta signs what it posts to this inbox, and the app secret is not known: save one in the inbox, or give --app-secret")
		}
		return &metaCustomer{person: base, token: secrets.accessToken, appSecret: secrets.appSecret}, nil
	case handoff.ProtocolChatlayer:
		if secrets.verifyToken == "" {
			return nil, errors.New("Chatlayer names itself by the inbox's verify token, which is not known: give --verify-token")
		}
		return newChatlayerCustomer(base, secrets.verifyToken), nil
	default: // Aksita's gateways write by our own protocol
		return &nativeCustomer{person: base}, nil
	}
}

// person is what customers of all protocols have in common.
type person struct {
	stack      *simStack
	inbox      simInbox
	from, name string
	files      *fileServer
}

func (p *person) asks() bool { return false }

func (p *person) leave(ctx context.Context) {
	if p.files != nil {
		p.files.close(ctx)
	}
}

// here is where the customer is when asked for it.
var here = struct{ latitude, longitude float64 }{51.0543, 3.7174}

// accepted is the answer to what was accepted.
type accepted struct {
	ReceiptID handoff.ID `json:"receipt_id"`
	Items     []struct {
		Kind       handoff.ItemKind `json:"kind"`
		ExternalID string           `json:"external_id"`
		MessageID  *handoff.ID      `json:"message_id"`
		Duplicate  bool             `json:"duplicate"`
		Reason     string           `json:"reason"`
	} `json:"items"`
}

// words says what was accepted in one line.
func (a accepted) words() string {
	var parts []string
	for _, item := range a.Items {
		part := string(item.Kind)
		switch {
		case item.MessageID != nil:
			part += " " + item.MessageID.String()
		case item.ExternalID != "":
			part += " " + item.ExternalID
		}
		if item.Duplicate {
			part += " again"
		}
		if item.Reason != "" {
			part += " (" + item.Reason + ")"
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		parts = []string{"the bytes"}
	}
	return "accepted " + strings.Join(parts, ", ") + ", receipt " + a.ReceiptID.String()
}

// localFile is a file that the customer sends.
type localFile struct {
	name, mimeType, kind string // kind is WhatsApp's type of the message
	content              []byte
}

const maxFile = 100 << 20

func readFile(path string) (localFile, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return localFile{}, err
	}
	if stat.Size() > maxFile {
		return localFile{}, fmt.Errorf("%s has more than 100 MB, which nobody can send", path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return localFile{}, err
	}
	f := localFile{name: filepath.Base(path), mimeType: mimetype.Detect(content).String(), kind: "document", content: content}
	f.mimeType, _, _ = strings.Cut(f.mimeType, ";")
	if kind, _, _ := strings.Cut(f.mimeType, "/"); kind == "image" || kind == "audio" || kind == "video" {
		f.kind = kind
	}
	return f, nil
}

func encodeJSON(value any) ([]byte, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode what the customer says: %w", err)
	}
	return body, nil
}
