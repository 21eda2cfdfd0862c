package contract_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"handoff/internal/contract"
)

// vendorIDs are ids that others make: they have no form of ours.
var vendorIDs = []string{
	"bot_id", "business_id", "external_id", "message_external_id", "phone_number_id", "reply_to_external_id", "request_id", "waba_id", "webhook_id",
}

// foreign are properties with a name of ours and a form of others: ids that gateways make, words such as me and none beside ids, and empty
// for removing one.
var foreign = []string{
	"ContactBody.id", "EndBody.id", "MessageBody.id", "OffloadBody.id", "PriorTurn.id", "RatingContact.id", "TurnBody.id",
	"ConversationFilters.assignee_id", "ConversationFilters.team_id", "CreateInboxBody.team_id", "UpdateInboxBody.team_id",
}

// What a program or a person relies on in a document is there, for every operation and every property.
func TestTheDocumentIsComplete(t *testing.T) {
	t.Parallel()
	document, err := contract.Load()
	require.NoError(t, err)
	s := &server{document: document}
	seen := map[string]bool{}
	for _, op := range s.operations() {
		require.NotEmpty(t, op.OperationID, op.path)
		require.False(t, seen[op.OperationID], "two operations are %s", op.OperationID)
		seen[op.OperationID] = true
		require.NotEmpty(t, op.Summary, op.OperationID)
		require.NotEmpty(t, op.Tags, op.OperationID)
		require.NotNil(t, op.Security, "%s says neither that it needs a key nor that it needs none", op.OperationID)
		if len(*op.Security) > 0 {
			require.NotEmpty(t, op.scope, op.OperationID)
			for _, status := range []int{401, 403} {
				require.NotNil(t, op.Responses.Status(status), "%s documents no %d", op.OperationID, status)
			}
		}
		if strings.HasPrefix(op.path, "/v1/") {
			require.True(t, documentsARefusal(op), "%s documents no refusal", op.OperationID)
		}
	}
	require.Greater(t, len(seen), 50)
}

func documentsARefusal(op operation) bool {
	for status := range op.Responses.Map() {
		if strings.HasPrefix(status, "4") {
			return true
		}
	}
	return false
}

func TestIDsAndTimesHaveAForm(t *testing.T) {
	t.Parallel()
	document, err := contract.Load()
	require.NoError(t, err)
	var checked, formless []string
	for name, schema := range document.Components.Schemas {
		for property, ref := range schema.Value.Properties {
			want := form(property, ref.Value)
			if where := name + "." + property; want != "" && !slices.Contains(foreign, where) {
				checked = append(checked, where)
				if ref.Value.Format != want {
					formless = append(formless, where)
				}
			}
		}
	}
	require.Greater(t, len(checked), 100)
	require.Empty(t, formless, "ids have the format uuid and times date-time; an id that others make is listed as foreign")
}

// form is what the name of a property asks for, "" for nothing.
func form(name string, s *openapi3.Schema) string {
	switch {
	case !s.Type.Includes("string") || len(s.Enum) > 0 || slices.Contains(vendorIDs, name):
		return ""
	case name == "id", strings.HasSuffix(name, "_id"):
		return "uuid"
	case name == "at", name == "timestamp", strings.HasSuffix(name, "_at"), strings.HasSuffix(name, "_until"):
		return "date-time"
	}
	return ""
}
