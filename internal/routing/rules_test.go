package routing_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/routing"
)

const team = "01890a5d-ac96-774b-bcce-b302099a8057"

func parse(t testing.TB, text string) routing.Rules {
	t.Helper()
	rules, err := routing.ParseRules(json.RawMessage(text))
	require.NoError(t, err)
	return rules
}

func TestTheFirstRuleThatFitsChooses(t *testing.T) {
	t.Parallel()

	rules := parse(t, `[
		{"name": "German billing", "if": {"reason": ["invoice", "Rechnung"], "payload": {"language": "de"}},
			"then": {"team_id": "`+team+`", "skills": ["german"], "priority": "high", "tags": ["billing"]}},
		{"name": "billing", "if": {"reason": ["invoice"]}, "then": {"tags": ["billing"]}},
		{"if": {}, "then": {"priority": "low"}}]`)
	high, low, id := handoff.PriorityHigh, handoff.PriorityLow, handoff.ID{}
	require.NoError(t, id.UnmarshalText([]byte(team)))

	choice, ok := rules.Choose(routing.Facts{Reason: "about my INVOICE", Payload: json.RawMessage(`{"language":"DE"}`)})
	require.True(t, ok)
	require.Equal(t, routing.Choice{Rule: "German billing", TeamID: &id, Skills: []string{"german"}, Priority: &high, Tags: []string{"billing"}}, choice)

	choice, _ = rules.Choose(routing.Facts{Reason: "invoice"})
	require.Equal(t, routing.Choice{Rule: "billing", Tags: []string{"billing"}}, choice)

	choice, _ = rules.Choose(routing.Facts{})
	require.Equal(t, routing.Choice{Priority: &low}, choice)

	_, ok = rules[:2].Choose(routing.Facts{Reason: "parcel"})
	require.False(t, ok)
	require.Equal(t, []handoff.ID{id}, rules.Teams())
}

func TestConditions(t *testing.T) {
	t.Parallel()

	const payload = `{"tier": " Gold ", "order": {"id": 12345678901234567890, "items": [{"kind": "book"}, {"kind": "Lamp"}], "paid": false, "note": null},
		"tags": ["VIP", "returning"], "a.b": {"c.d": "dotted"}, "a": {"b": {"e": "nested"}}, "empty": "", "list": [[1], []]}`
	for condition, fits := range map[string]bool{
		`{}`:                                                    true,
		`{"reason": ["refund"]}`:                                true,
		`{"reason": ["parcel", "a Refund"]}`:                    true,
		`{"reason": ["parcel"]}`:                                false,
		`{"text": ["help"], "source": "gateway"}`:               true,
		`{"text": ["help"], "source": "meta"}`:                  false,
		`{"text": ["nothing"]}`:                                 false,
		`{"tags": ["gold", "vip"]}`:                             true,
		`{"tags": ["vi"]}`:                                      false,
		`{"payload": {"tier": "gold"}}`:                         true,
		`{"payload": {"tier": "gol"}}`:                          false,
		`{"payload": {"tier": ["silver", "gold"]}}`:             true,
		`{"payload": {"tier": ["silver"]}}`:                     false,
		`{"payload": {"tier": {"contains": "OL"}}}`:             true,
		`{"payload": {"tier": {"contains": ["x", "y"]}}}`:       false,
		`{"payload": {"order.id": 12345678901234567890}}`:       true,
		`{"payload": {"order.id": 12345678901234567891}}`:       false,
		`{"payload": {"order.id": "12345678901234567890"}}`:     true,
		`{"payload": {"order.paid": false}}`:                    true,
		`{"payload": {"order.paid": true}}`:                     false,
		`{"payload": {"order.items.kind": "lamp"}}`:             true,
		`{"payload": {"order.items.kind": "chair"}}`:            false,
		`{"payload": {"order.items": {"exists": true}}}`:        true,
		`{"payload": {"order.note": {"exists": true}}}`:         false,
		`{"payload": {"order.note": {"exists": false}}}`:        true,
		`{"payload": {"order.none.at.all": {"exists": false}}}`: true,
		`{"payload": {"tier.deeper": {"exists": true}}}`:        false,
		`{"payload": {"order": "book"}}`:                        false,
		`{"payload": {"tags": "vip"}}`:                          true,
		`{"payload": {"a.b.c.d": "dotted"}}`:                    true,
		`{"payload": {"a.b.e": "nested"}}`:                      true,
		`{"payload": {"empty": ""}}`:                            true,
		`{"payload": {"list": 1}}`:                              true,
		`{"payload": {"tier": "gold", "order.paid": true}}`:     false,
		`{"payload": {"tier": "gold", "order.paid": "FALSE"}}`:  true,
	} {
		rules := parse(t, `[{"if": `+condition+`, "then": {"priority": "high"}}]`)
		_, ok := rules.Choose(routing.Facts{Reason: "wants a refund", Payload: json.RawMessage(payload), Source: handoff.SourceGateway, Text: "HELP me"})
		require.Equal(t, fits, ok, condition)
	}
}

func TestAPayloadThatIsNoObjectFitsNothing(t *testing.T) {
	t.Parallel()

	rules := parse(t, `[{"if": {"payload": {"a": {"exists": true}}}, "then": {"priority": "high"}}]`)
	for _, payload := range []string{"", "null", "[]", `"a"`, "5", "{", "{}"} {
		_, ok := rules.Choose(routing.Facts{Payload: json.RawMessage(payload)})
		require.False(t, ok, payload)
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	t.Parallel()

	then := `"then": {"priority": "high"}`
	for text, want := range map[string]string{
		`{}`:    "rules cannot be read",
		`[] []`: "something follows the list",
		`[{"if": {"reasons": []}, ` + then + `}]`:                                        `unknown field "reasons"`,
		`[{"if": {}, "then": {}}]`:                                                       "rule 1: then is empty: give at least one of",
		`[{"if": {}, ` + then + `}, {"if": {}, "then": {"priority": "top"}}]`:            `rule 2: then.priority: "top" is no priority: use low, normal, high or urgent`,
		`[{"if": {}, "then": {"team_id": "x"}}]`:                                         "rules cannot be read",
		`[{"if": {}, "then": {"skills": [" "]}}]`:                                        "then.skills has a text that is empty",
		`[{"if": {"source": "bot"}, ` + then + `}]`:                                      `if.source is "bot": use gateway or meta`,
		`[{"if": {"reason": [""]}, ` + then + `}]`:                                       "if.reason has a text that is empty",
		`[{"if": {"payload": {"a..b": 1}}, ` + then + `}]`:                               `the path "a..b": give the names`,
		`[{"if": {"payload": {"": 1}}, ` + then + `}]`:                                   `the path ""`,
		`[{"if": {"payload": {"a": null}}, ` + then + `}]`:                               "for null use",
		`[{"if": {"payload": {"a": [null]}}, ` + then + `}]`:                             "for null use",
		`[{"if": {"payload": {"a": []}}, ` + then + `}]`:                                 "the list of values is empty",
		`[{"if": {"payload": {"a": {}}}, ` + then + `}]`:                                 `"a": give one condition`,
		`[{"if": {"payload": {"a": {"is": 1}}}, ` + then + `}]`:                          "a condition is a value",
		`[{"if": {"payload": {"a": {"contains": ""}}}, ` + then + `}]`:                   "the condition has a text that is empty",
		`[{"if": {"payload": {"a": {"contains": "x", "exists": true}}}, ` + then + `}]`:  "give one condition",
		`[{"name": "` + strings.Repeat("x", 201) + `", "if": {}, ` + then + `}]`:         "longer than 200 characters",
		`[` + strings.Repeat(`{"if": {}, `+then+`},`, 100) + `{"if": {}, ` + then + `}]`: "there are 101 rules: at most 100",
	} {
		_, err := routing.ParseRules(json.RawMessage(text))
		require.ErrorContains(t, err, want, "%.80s", text)
	}
	for _, text := range []string{"", "null", "[]"} {
		rules, err := routing.ParseRules(json.RawMessage(text))
		require.NoError(t, err)
		require.Empty(t, rules)
	}
}

func TestRulesAreWrittenAsTheyWereRead(t *testing.T) {
	t.Parallel()

	const text = `[{"name":"a","if":{"reason":["x"],"payload":{"a":5,"b":["5",true],"c":{"contains":"x"},"d":{"exists":false}}},"then":{"tags":["t"]}},{"if":{},"then":{"priority":"low"}}]`
	encoded, err := json.Marshal(parse(t, text))
	require.NoError(t, err)
	require.Equal(t, text, string(encoded))

	yes := true
	encoded, err = json.Marshal(map[string]routing.Condition{"a": {OneOf: []string{"x"}}, "b": {Contains: []string{"y"}}, "c": {Exists: &yes}})
	require.NoError(t, err)
	require.JSONEq(t, `{"a":["x"],"b":{"contains":["y"]},"c":{"exists":true}}`, string(encoded))
}

func FuzzRules(f *testing.F) {
	f.Add(`[{"if": {"payload": {"a.b": ["x", 1]}, "tags": ["v"]}, "then": {"tags": ["t"]}}]`, `{"a": {"b": [1, {"b": null}]}, "tags": "v"}`)
	f.Add(`[{"if": {"payload": {"a.a.a": {"contains": "x"}}}, "then": {"tags": ["t"]}}]`, `{"a.a": {"a": "x"}, "a": {"a.a": [[]]}}`)
	f.Fuzz(func(t *testing.T, text, payload string) {
		rules, err := routing.ParseRules(json.RawMessage(text))
		if err != nil {
			return
		}
		facts := routing.Facts{Reason: payload, Payload: json.RawMessage(payload), Text: text}
		choice, ok := rules.Choose(facts)
		again, okAgain := rules.Choose(facts)
		require.Equal(t, ok, okAgain)
		require.Equal(t, choice, again)
		require.False(t, ok && choice.TeamID == nil && choice.Priority == nil && len(choice.Skills)+len(choice.Tags) == 0, "a rule that chooses nothing")
	})
}
