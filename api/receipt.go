package api

import (
	"context"
	"encoding/hex"
	"net/http"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// Receipt is the proof of one accepted POST.
type Receipt struct {
	ID         handoff.ID    `json:"id" format:"uuid"`
	Protocol   string        `json:"protocol"`
	ReceivedAt time.Time     `json:"received_at"`
	SHA256     string        `json:"sha256" doc:"Of the body's bytes, in hex."`
	Size       int           `json:"size" doc:"Of the body, in bytes."`
	Items      []ReceiptItem `json:"items"`
}

// ReceiptItem is what became of one element of the body.
type ReceiptItem struct {
	Kind           handoff.ItemKind `json:"kind" enum:"message,status,offload,end,event,ignored"`
	Location       string           `json:"location" doc:"The element's place in the body."`
	ExternalID     string           `json:"external_id,omitempty"`
	MessageID      *handoff.ID      `json:"message_id,omitempty" format:"uuid"`
	ConversationID *handoff.ID      `json:"conversation_id,omitempty" format:"uuid"`
	Duplicate      bool             `json:"duplicate"`
	Outcome        string           `json:"outcome" enum:"accepted,applied,duplicate,parked,recorded,forwarded,refused,ignored"`
	Reason         string           `json:"reason,omitempty"`
}

func (s *server) receiptRoutes() {
	handle(s, operation{
		id: "get-receipt", method: http.MethodGet, path: "/v1/receipts/{id}", tag: "Gateway", scope: handoff.ScopeGateway,
		summary:     "Get a receipt",
		description: "What became of each element of an accepted body. `accepted` turns into `applied` when the conversation has taken it in.",
		errors:      []int{http.StatusNotFound},
	}, s.getReceipt)
}

func (s *server) getReceipt(ctx context.Context, in *ByID) (*output[Receipt], error) {
	k, q := keyOf(ctx), s.queries(ctx)
	row, err := q.ReceiptGet(ctx, dbsqlc.ReceiptGetParams{AccountID: k.AccountID, ID: in.ID})
	if err != nil {
		return nil, db.NotFound(err, "receipt")
	}
	items, err := q.ReceiptItemList(ctx, dbsqlc.ReceiptItemListParams{AccountID: k.AccountID, ReceiptID: in.ID})
	if err != nil {
		return nil, err
	}
	out := Receipt{
		ID: row.ID, Protocol: row.Protocol, ReceivedAt: row.ReceivedAt.UTC(), SHA256: hex.EncodeToString(row.Sha256),
		Size: len(row.Body), Items: make([]ReceiptItem, 0, len(items)),
	}
	for _, item := range items {
		if k.InboxID != nil && item.InboxID != nil && *item.InboxID != *k.InboxID {
			return nil, handoff.Errorf(handoff.CodeNotFound, "there is no such receipt")
		}
		out.Items = append(out.Items, ReceiptItem{
			Kind: item.Kind, Location: item.Location, ExternalID: db.OrEmpty(item.ExternalID), MessageID: item.MessageID,
			ConversationID: item.ConversationID, Duplicate: item.Duplicate, Outcome: item.Outcome, Reason: db.OrEmpty(item.Reason),
		})
	}
	return &output[Receipt]{out}, nil
}
