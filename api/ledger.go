package api

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// Gap is something that the ledger found missing.
type Gap struct {
	ID             handoff.ID      `json:"id" format:"uuid"`
	Kind           handoff.GapKind `json:"kind" enum:"not_woken,timer_overdue,delivery_overdue,delivery_missing,message_unsent,event_missing,sequence_wrong,end_not_last,message_without_event"`
	InboxID        handoff.ID      `json:"inbox_id" format:"uuid"`
	ContactID      *handoff.ID     `json:"contact_id,omitempty" format:"uuid"`
	ConversationID *handoff.ID     `json:"conversation_id,omitempty" format:"uuid"`
	Seq            *int64          `json:"seq,omitempty" doc:"Number in the conversation of what is missing."`
	EventID        *handoff.ID     `json:"event_id,omitempty" format:"uuid"`
	MessageID      *handoff.ID     `json:"message_id,omitempty" format:"uuid"`
	EndpointID     *handoff.ID     `json:"endpoint_id,omitempty" format:"uuid"`
	DeliveryID     *handoff.ID     `json:"delivery_id,omitempty" format:"uuid"`
	FoundAt        time.Time       `json:"found_at" format:"date-time"`
	RepairedAt     *time.Time      `json:"repaired_at,omitempty" format:"date-time" doc:"Absent while it is open."`
	Note           string          `json:"note" doc:"What was done about it, or is to be done."`
}

type listGapsInput struct {
	Page
	State string `query:"state" enum:"open,repaired" doc:"Both unless given."`
}

func (s *server) ledgerRoutes() {
	handle(s, operation{
		id: "list-ledger-gaps", method: http.MethodGet, path: "/v1/ledger/gaps", tag: "Operation", scope: handoff.ScopeAdmin,
		summary: "List the ledger's gaps", description: "What was found missing between what was accepted, what happened and what was sent, the newest first. " +
			"Every ten minutes the ledger looks, and repairs what can be repaired.",
	}, s.listGaps)
}

func (s *server) listGaps(ctx context.Context, in *listGapsInput) (*listOutput[Gap], error) {
	before, err := decodeCursor("gaps", in.Cursor, uuid.Max)
	if err != nil {
		return nil, err
	}
	var open *bool
	if in.State != "" {
		isOpen := in.State == "open"
		open = &isOpen
	}
	var rows []dbsqlc.LedgerGap
	err = db.Planned(ctx, s.db(ctx), func(q *dbsqlc.Queries) error {
		rows, err = q.LedgerGapList(ctx, dbsqlc.LedgerGapListParams{AccountID: keyOf(ctx).AccountID, Open: open, Before: before, RowLimit: in.Limit + 1})
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(rows, in.Limit, func(row dbsqlc.LedgerGap) string { return encodeCursor("gaps", row.ID) })
	items := make([]Gap, 0, len(rows))
	for _, row := range rows {
		items = append(items, Gap{
			ID: row.ID, Kind: row.Kind, InboxID: row.InboxID, ContactID: row.ContactID, ConversationID: row.ConversationID, Seq: row.Seq,
			EventID: row.EventID, MessageID: row.MessageID, EndpointID: row.EndpointID, DeliveryID: row.DeliveryID, FoundAt: row.FoundAt,
			RepairedAt: row.RepairedAt, Note: row.Note,
		})
	}
	return &listOutput[Gap]{list[Gap]{items, next}}, nil
}
