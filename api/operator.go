package api

import (
	"context"
	"net/http"
	"net/url"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

func (s *server) operatorRoutes() {
	handle(s, operation{
		id: "skip-delivery", method: http.MethodPost, path: "/v1/deliveries/{id}/skip", tag: deliveryTag, scope: handoff.ScopeAdmin,
		summary: "Give up a delivery that is stuck", description: "The delivery fails for good, and what waits behind it goes on; the next webhook that its endpoint " +
			"gets for the contact has `Handoff-Gap: true`. A message that cannot arrive otherwise is `failed`. An attempt that is under way is finished, and counts if " +
			"it succeeds. What was given up can still be sent again. One that does not wait any more is refused with 409.",
		errors: []int{http.StatusNotFound, http.StatusTooManyRequests},
	}, s.skipDelivery)
}

// skipDelivery leaves it to the contact's workflow, whose lane has to look again; a delivery without a contact holds nothing up.
func (s *server) skipDelivery(ctx context.Context, in *redeliverInput) (*output[Delivery], error) {
	account := keyOf(ctx).AccountID
	row, err := s.queries(ctx).DeliveryGet(ctx, dbsqlc.DeliveryGetParams{AccountID: account, ID: in.ID})
	if err != nil {
		return nil, db.NotFound(err, "delivery")
	}
	again := func(ctx context.Context) error {
		if row, err = s.queries(ctx).DeliveryGet(ctx, dbsqlc.DeliveryGetParams{AccountID: account, ID: in.ID}); err != nil {
			return err
		}
		return checkWaits(ctx, row)
	}
	if err := checkWaits(ctx, row); err != nil {
		return nil, err
	}
	if row.ContactID == nil {
		now := s.Now()
		_, err = s.queries(ctx).DeliveryGiveUp(ctx, dbsqlc.DeliveryGiveUpParams{ID: row.ID, Failure: "skipped by an admin", FinishedAt: &now})
	} else {
		err = s.oneOfFew(ctx, *row.ContactID, again, func(ctx context.Context) error {
			return s.Commands.Update(ctx, workflows.NewConversationInput(account, row.InboxID, *row.ContactID), workflows.SkipInput{
				CommandInput: workflows.CommandInput{CommandID: commandOf(ctx).ID.String(), Actor: handoff.Actor{Admin: true}}, DeliveryID: row.ID,
			})
		})
	}
	if err != nil {
		return nil, err
	}
	return s.getDelivery(ctx, &in.ByID)
}

// checkWaits refuses to give up what does not wait. A request that was cut short may have given it up itself.
func checkWaits(ctx context.Context, row dbsqlc.Delivery) error {
	if row.State == handoff.DeliveryPending || row.State == handoff.DeliveryHeld || commandOf(ctx).Repeated {
		return nil
	}
	return handoff.Errorf(handoff.CodeConflict, "the delivery does not wait any more: it is %s", row.State)
}

// workflowURL is where the Temporal UI shows a workflow; empty where nobody has said where that is.
func (s *server) workflowURL(id string) string {
	if s.UIBaseURL == "" {
		return ""
	}
	return s.UIBaseURL + "/namespaces/" + url.PathEscape(s.Namespace) + "/workflows/" + url.PathEscape(id)
}

func (s *server) deliveryWorkflow(row dbsqlc.Delivery) string {
	if row.ContactID == nil {
		return s.workflowURL(workflows.WebhookTestID(row.ID))
	}
	return s.workflowURL(workflows.ConversationID(row.InboxID, *row.ContactID))
}
