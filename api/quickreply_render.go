package api

import (
	"regexp"
	"strings"

	"handoff"
)

// variable is {{name}} or {{name|default}}. Nothing else in a text means anything: it is substitution, in one pass, and no language.
var variable = regexp.MustCompile(`\{\{([^{}|]*)(\|[^{}]*)?\}\}`)

// The variables of quick replies. Those that end in a dot are followed by the key of an attribute.
const (
	agentName              = "agent.name"
	contactAttributes      = "contact.attributes."
	contactName            = "contact.name"
	conversationAttributes = "conversation.attributes."
	inboxName              = "inbox.name"
)

// variablesDoc names them for people.
const variablesDoc = "{{contact.name}}, {{agent.name}}, {{inbox.name}}, {{contact.attributes.key}} and {{conversation.attributes.key}}, each with a " +
	"default if you like: {{contact.name|there}}"

// checkVariables refuses a text with a variable that there is not.
func checkVariables(text string) error {
	for _, found := range variable.FindAllStringSubmatch(text, -1) {
		name := strings.TrimSpace(found[1])
		key, ofContact := strings.CutPrefix(name, contactAttributes)
		if !ofContact {
			key, _ = strings.CutPrefix(name, conversationAttributes)
		}
		known := name == agentName || name == contactName || name == inboxName || (key != name && key != "")
		if !known {
			return fieldError("body.text", "it has the variable "+found[0]+", which there is not: use "+variablesDoc)
		}
	}
	return nil
}

// renderText puts values into a text. Values are taken as they are: what looks like a variable in one stays text. A variable that has
// neither a value nor a default is an error that names it.
func renderText(text string, values map[string]string) (string, error) {
	var missing []handoff.ErrorDetail
	rendered := variable.ReplaceAllStringFunc(text, func(match string) string {
		found := variable.FindStringSubmatch(match)
		name := strings.TrimSpace(found[1])
		if value := values[name]; value != "" {
			return value
		}
		if found[2] != "" {
			return strings.TrimSpace(found[2][1:])
		}
		missing = append(missing, handoff.ErrorDetail{Location: name, Message: "it has no value here, and the quick reply no default for it"})
		return match
	})
	if len(missing) == 0 {
		return rendered, nil
	}
	names := make([]string, 0, len(missing))
	for _, detail := range missing {
		names = append(names, detail.Location)
	}
	return "", &handoff.Error{
		Code: handoff.CodeInvalid, Details: missing,
		Message: "no value is known for " + strings.Join(names, ", ") + ": give the quick reply a default, as in {{contact.name|there}}, or write the text yourself",
	}
}
