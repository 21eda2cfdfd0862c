package workflows_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/workflow"

	"handoff/activities"
	"handoff/worker"
)

// contract gives the string constants of contract.go by the end of their names: Signal, Update, Query, Name.
func contract(t *testing.T) map[string][]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "contract.go", nil, 0)
	require.NoError(t, err)
	out := map[string][]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		value, err := strconv.Unquote(literal.Value)
		require.NoError(t, err)
		for _, kind := range []string{"Signal", "Update", "Query", "Name"} {
			if strings.HasSuffix(spec.Names[0].Name, kind) {
				out[kind] = append(out[kind], value)
			}
		}
		return true
	})
	return out
}

// registry notes the names under which things are registered.
type registry struct{ workflows, activities []string }

func (r *registry) RegisterWorkflowWithOptions(_ any, o workflow.RegisterOptions) {
	r.workflows = append(r.workflows, o.Name)
}

func (r *registry) RegisterActivityWithOptions(_ any, o activity.RegisterOptions) {
	r.activities = append(r.activities, o.Name)
}

// Signals, updates and queries as a running workflow describes them to the Temporal UI.
func TestEveryNameOfTheContractIsHandled(t *testing.T) {
	t.Parallel()
	names := contract(t)
	l := newLive(t, asInProduction)
	l.says("I need to speak to a human")
	value, err := l.client.QueryWorkflow(t.Context(), l.id(), "", "__temporal_workflow_metadata")
	require.NoError(t, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(t, value.Get(&metadata))
	for kind, handled := range map[string][]*sdkpb.WorkflowInteractionDefinition{
		"Signal": metadata.Definition.SignalDefinitions, "Update": metadata.Definition.UpdateDefinitions,
		"Query": metadata.Definition.QueryDefinitions,
	} {
		var told []string
		for _, d := range handled {
			if !strings.HasPrefix(d.Name, "__") {
				told = append(told, d.Name)
				require.NotEmpty(t, d.Description, "an operator reads what %s %s does", kind, d.Name)
			}
		}
		require.ElementsMatch(t, names[kind], told, kind)
	}
	require.NoError(t, l.client.SignalWorkflow(t.Context(), l.id(), "", "Resolve", nil))
	l.wait()
}

func TestWorkflowsAndActivitiesAreRegisteredByName(t *testing.T) {
	t.Parallel()
	var r registry
	worker.RegisterWorkflows(&r)
	worker.RegisterActivities(&r, &activities.Activities{})
	require.ElementsMatch(t, contract(t)["Name"], r.workflows)

	var methods []string
	all := reflect.TypeFor[*activities.Activities]()
	for i := range all.NumMethod() {
		m := all.Method(i)
		if m.Type.NumIn() == 3 && m.Type.In(1) == reflect.TypeFor[context.Context]() && m.Type.NumOut() == 2 {
			methods = append(methods, m.Name)
		}
	}
	require.ElementsMatch(t, methods, r.activities, "every activity, under the name of its method")
}

// The names stand in histories and scripts: to change one here is to break those.
func TestTheContractStandsAsReleased(t *testing.T) {
	t.Parallel()
	names := contract(t)
	require.Equal(t, []string{"Conversation", "Erasure", "Retention", "WebhookTest", "Ledger"}, names["Name"])
	require.Equal(t, []string{"Inbound", "Resolve", "SkipDelivery", "RetryDelivery", "Reassign"}, names["Signal"])
	require.Equal(t, []string{
		"Claim", "TakeOver", "Release", "Transfer", "Offer", "Accept", "Decline", "Pass", "Reply", "Schedule", "Unschedule", "Snooze",
		"Wake", "MoveTimer", "Resolve", "UndoResolve", "Start", "SkipDelivery",
	}, names["Update"])
	require.Equal(t, []string{"State"}, names["Query"])
}

// An attribute that the server does not know fails every task that writes it, so whatever prepares a server names them all.
func TestEverySearchAttributeIsMadeWhereAServerIsPrepared(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("contract.go")
	require.NoError(t, err)
	devserver, err := os.ReadFile("../devserver/storage.go")
	require.NoError(t, err)
	migrate, err := os.ReadFile("../cmd/handoff/migrate.go")
	require.NoError(t, err)
	for _, line := range strings.Split(string(source), "\n") {
		if !strings.Contains(line, "temporal.NewSearchAttributeKey") {
			continue
		}
		constant, name := strings.Fields(line)[0], strings.Split(line, `"`)[1]
		require.Contains(t, string(devserver), `"`+name+`"`)
		require.Contains(t, string(migrate), "workflows."+constant)
	}
}
