package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// operatorFlags say what operators find in the Temporal UI.
type operatorFlags struct {
	ConversationURL string `help:"Where people open a conversation, for a link from the Temporal UI: {conversation_id} stands for its id, as in https://inbox.example.com/c/{conversation_id}. The API's address of it unless given." env:"HANDOFF_CONVERSATION_URL" group:"Temporal"`
}

const conversationPlace = "{conversation_id}"

// conversationURL is where a conversation is shown; empty where nothing says where the API is.
func (f vendorFlags) conversationURL() (string, error) {
	if f.ConversationURL == "" {
		if f.PublicURL == "" {
			return "", nil
		}
		return strings.TrimSuffix(f.PublicURL, "/") + "/v1/conversations/" + conversationPlace, nil
	}
	u, err := url.Parse(strings.ReplaceAll(f.ConversationURL, conversationPlace, "x"))
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || strings.ContainsAny(f.ConversationURL, "<> ") ||
		!strings.Contains(f.ConversationURL, conversationPlace) {
		return "", errors.New("HANDOFF_CONVERSATION_URL must be an http:// or https:// URL with {conversation_id} in it")
	}
	return f.ConversationURL, nil
}

// checkAddress says what is wrong with a setting that links begin with.
func checkAddress(variable, text string) error {
	u, err := url.Parse(text)
	if text != "" && (err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "") {
		return fmt.Errorf("%s must be an http:// or https:// URL, such as https://handoff.example.com", variable)
	}
	return nil
}
