package chatlayer

import (
	"handoff"
)

// interactive says Meta's interactive messages in Chatlayer's templates: reply buttons as quick replies, a link button as a button
// template, and a list as a button template with one button per row, whose sections and descriptions stand in the text: Chatlayer's
// own list template is documented with links only. What Meta shows above and below the body goes into the text, and a picture above
// it goes first.
func interactive(content object) ([]sendMessage, error) {
	text := lines(content.object("header").text("text"), content.object("body").text("text"), content.object("footer").text("text"))
	messages, text, err := header(content.object("header"), text)
	if err != nil {
		return nil, err
	}
	action := content.object("action")
	var last sendMessage
	switch kind := content.text("type"); kind {
	case "button":
		last.QuickReply, err = quickReplies(text, action)
	case "list":
		last.Button, err = rows(text, action)
	case "cta_url":
		last.Button, err = linkButton(text, action)
	default:
		err = handoff.Errorf(handoff.CodeInvalid, "Chatlayer cannot send an interactive message of type %q: use button, list or cta_url", clip(kind, 60))
	}
	if err != nil {
		return nil, err
	}
	return append(messages, last), nil
}

// header puts a picture before the message, and the link of any other file above its text.
func header(h object, text string) ([]sendMessage, string, error) {
	kind := h.text("type")
	if kind == "" || kind == "text" {
		return nil, text, nil
	}
	if kind == "image" {
		messages, err := image("header's image", h.object(kind))
		return messages, text, err
	}
	link, err := linkOf("header's "+clip(kind, 60), h.object(kind))
	return nil, lines(link, text), err
}

func quickReplies(text string, action object) (*quickReplyTemplate, error) {
	template := &quickReplyTemplate{TextMessages: oneWording(text)}
	for _, raw := range action.list("buttons") {
		button, _ := parseObject(raw)
		reply := button.object("reply")
		title := reply.text("title")
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
	for _, raw := range action.list("sections") {
		section, _ := parseObject(raw)
		text = lines(text, section.text("title"))
		for _, raw := range section.list("rows") {
			row, _ := parseObject(raw)
			title := row.text("title")
			if first(title) == "" {
				return nil, handoff.Errorf(handoff.CodeInvalid, "every row needs a title: Chatlayer makes it a button")
			}
			if description := row.text("description"); first(description) != "" {
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
	parameters := action.object("parameters")
	title, link := parameters.text("display_text"), parameters.text("url")
	if first(text) == "" || first(title) == "" || first(link) == "" {
		return nil, handoff.Errorf(handoff.CodeInvalid,
			"an interactive message of type cta_url needs body.text, action.parameters.display_text and action.parameters.url")
	}
	return &buttonTemplate{TextMessages: oneWording(text), Buttons: []button{{URL: &urlButton{Title: title, URL: link}}}}, nil
}

// replyPayload keeps the id of a button or a row in the session of the bot.
func replyPayload(reply object) payload {
	return payload{SessionDataToSet: []keyValue{{Key: replyIDKey, Value: first(reply.text("id"), reply.text("title"))}}}
}
