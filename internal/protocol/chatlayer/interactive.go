package chatlayer

import (
	"handoff"
	"handoff/internal/vendorjson"
)

// interactive says Meta's interactive messages in Chatlayer's templates: reply buttons as quick replies, a link button as a button
// template, and a list as a button template with one button per row, whose sections and descriptions stand in the text: Chatlayer's
// own list template is documented with links only. What Meta shows above and below the body goes into the text, and a picture above
// it goes first.
func interactive(content object) ([]sendMessage, error) {
	text := lines(content.Object("header").Text("text"), content.Object("body").Text("text"), content.Object("footer").Text("text"))
	messages, text, err := header(content.Object("header"), text)
	if err != nil {
		return nil, err
	}
	action := content.Object("action")
	var last sendMessage
	switch kind := content.Text("type"); kind {
	case "button":
		last.QuickReply, err = quickReplies(text, action)
	case "list":
		last.Button, err = rows(text, action)
	case "cta_url":
		last.Button, err = linkButton(text, action)
	default:
		err = handoff.Errorf(handoff.CodeInvalid, "Chatlayer cannot send an interactive message of type %q: use button, list or cta_url", vendorjson.Clip(kind, 60))
	}
	if err != nil {
		return nil, err
	}
	return append(messages, last), nil
}

// header puts a picture before the message, and the link of any other file above its text.
func header(h object, text string) ([]sendMessage, string, error) {
	kind := h.Text("type")
	if kind == "" || kind == "text" {
		return nil, text, nil
	}
	if kind == "image" {
		messages, err := image("header's image", h.Object(kind))
		return messages, text, err
	}
	link, err := linkOf("header's "+vendorjson.Clip(kind, 60), h.Object(kind))
	return nil, lines(link, text), err
}

func quickReplies(text string, action object) (*quickReplyTemplate, error) {
	template := &quickReplyTemplate{TextMessages: oneWording(text)}
	for _, raw := range listOf(action, "buttons") {
		button, _ := vendorjson.ParseObject(raw)
		reply := button.Object("reply")
		title := reply.Text("title")
		if first(title) == "" {
			return nil, handoff.Errorf(handoff.CodeInvalid, "every button needs reply.title: Chatlayer shows nothing else of it")
		}
		template.QuickReplies = append(template.QuickReplies, quickReply{Title: title, Payload: replyPayload(reply)})
	}
	if len(template.QuickReplies) == 0 || first(text) == "" {
		return nil, handoff.Errorf(handoff.CodeInvalid, "an interactive message of type button needs body.text and action.buttons")
	}
	return template, nil
}

func rows(text string, action object) (*buttonTemplate, error) {
	template := &buttonTemplate{}
	for _, raw := range listOf(action, "sections") {
		section, _ := vendorjson.ParseObject(raw)
		text = lines(text, section.Text("title"))
		for _, raw := range listOf(section, "rows") {
			row, _ := vendorjson.ParseObject(raw)
			title := row.Text("title")
			if first(title) == "" {
				return nil, handoff.Errorf(handoff.CodeInvalid, "every row needs a title: Chatlayer makes it a button")
			}
			if description := row.Text("description"); first(description) != "" {
				text = lines(text, title+": "+description)
			}
			template.Buttons = append(template.Buttons, button{PostBack: &postBackButton{Title: title, Payload: replyPayload(row)}})
		}
	}
	if len(template.Buttons) == 0 || first(text) == "" {
		return nil, handoff.Errorf(handoff.CodeInvalid, "an interactive message of type list needs body.text and action.sections with rows")
	}
	template.TextMessages = oneWording(text)
	return template, nil
}

func linkButton(text string, action object) (*buttonTemplate, error) {
	parameters := action.Object("parameters")
	title, link := parameters.Text("display_text"), parameters.Text("url")
	if first(text) == "" || first(title) == "" || first(link) == "" {
		return nil, handoff.Errorf(handoff.CodeInvalid,
			"an interactive message of type cta_url needs body.text, action.parameters.display_text and action.parameters.url")
	}
	return &buttonTemplate{TextMessages: oneWording(text), Buttons: []button{{URL: &urlButton{Title: title, URL: link}}}}, nil
}

// replyPayload keeps the id of a button or a row in the session of the bot.
func replyPayload(reply object) payload {
	return payload{SessionDataToSet: []keyValue{{Key: replyIDKey, Value: first(reply.Text("id"), reply.Text("title"))}}}
}
