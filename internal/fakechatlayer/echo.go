package fakechatlayer

import (
	"encoding/json"
	"net/http"
	"time"
)

// actions reads executeConversationAction. An object without sendMessages is taken too: the keys that pause the bot or start a
// dialog are not documented.
func actions(r *http.Request, body map[string]json.RawMessage) (conversation, []json.RawMessage, string) {
	about := conversation{bot: r.PathValue("bot"), session: r.PathValue("session"), version: r.URL.Query().Get("version")}
	if about.version != "LIVE" && about.version != "DRAFT" {
		return about, nil, "version has to be LIVE or DRAFT"
	}
	raw, sends := body["sendMessages"]
	if !sends {
		return about, nil, ""
	}
	var templates []template
	if json.Unmarshal(raw, &templates) != nil || len(templates) == 0 {
		return about, nil, "sendMessages has to be a list of templates"
	}
	var said []json.RawMessage
	for _, t := range templates {
		message := t.botMessage()
		if message == nil {
			return about, nil, "an element of sendMessages has no template that is known"
		}
		said = append(said, encode(message))
	}
	return about, said, ""
}

// webview reads a legacy asynchronous action.
func webview(_ *http.Request, body map[string]json.RawMessage) (conversation, []json.RawMessage, string) {
	var call struct {
		BotID    string `json:"botId"`
		SenderID string `json:"senderId"`
		Action   struct {
			Next string `json:"nextDialogstate"`
		} `json:"action"`
		Messages []struct {
			Type   string `json:"type"`
			Config struct {
				TextMessages texts `json:"textMessages"`
			} `json:"config"`
		} `json:"messages"`
	}
	problem := ""
	if json.Unmarshal(encode(body), &call) != nil || call.BotID == "" || call.SenderID == "" {
		problem = "botId and senderId are required"
	} else if len(call.Messages) == 0 && call.Action.Next == "" {
		problem = "either messages or action.nextDialogstate is required"
	}
	var said []json.RawMessage
	for _, m := range call.Messages {
		if m.Type == "text" {
			said = append(said, encode(object{"text": m.Config.TextMessages.text()}))
		}
	}
	return conversation{bot: call.BotID, session: call.SenderID}, said, problem
}

type object = map[string]any

// template is one element of sendMessages.
type template struct {
	Text *struct {
		TextMessages texts `json:"textMessages"`
	} `json:"textMessageTemplate"`
	Button *struct {
		TextMessages texts    `json:"textMessages"`
		Buttons      []button `json:"buttons"`
	} `json:"buttonTemplate"`
	Attachment *struct {
		Media struct {
			URL  string `json:"url"`
			Type string `json:"type"`
		} `json:"media"`
	} `json:"attachmentTemplate"`
	List *struct {
		Button   button    `json:"button"`
		Elements []element `json:"elements"`
	} `json:"listTemplate"`
	Carousel *struct {
		Elements []element `json:"elements"`
	} `json:"carouselTemplate"`
	QuickReply *struct {
		TextMessages texts `json:"textMessages"`
		QuickReplies []struct {
			ImageURL string          `json:"imageUrl"`
			Title    string          `json:"title"`
			Payload  json.RawMessage `json:"payload"`
		} `json:"quickReplies"`
	} `json:"quickReplyTemplate"`
}

type texts []struct {
	Text string `json:"text"`
}

// text is the wording that is sent. Chatlayer takes any; this one takes the first, so that tests know which.
func (t texts) text() string {
	if len(t) == 0 {
		return ""
	}
	return t[0].Text
}

type button struct {
	URL *struct {
		Title string `json:"title"`
		URL   string `json:"url"`
	} `json:"urlButton"`
	Phone *struct {
		Title       string `json:"title"`
		PhoneNumber string `json:"phoneNumber"`
	} `json:"phoneNumberButton"`
	PostBack *struct {
		Title   string          `json:"title"`
		Payload json.RawMessage `json:"payload"`
	} `json:"postBackButton"`
}

type element struct {
	Button   *button  `json:"button"`
	Buttons  []button `json:"buttons"`
	ImageURL string   `json:"imageUrl"`
	Title    string   `json:"title"`
	SubTitle string   `json:"subTitle"`
}

// botMessage is the template as the feed tells it: a message object of the webhook channel. That our sends come back in this form is
// inferred; nil is for a template that is not documented.
func (t template) botMessage() object {
	switch {
	case t.Text != nil:
		return object{"text": t.Text.TextMessages.text()}
	case t.Button != nil:
		return attachment(object{"template_type": "button", "text": t.Button.TextMessages.text(), "buttons": told(t.Button.Buttons)})
	case t.Attachment != nil:
		media := t.Attachment.Media
		return object{"attachment": object{"type": media.Type, "payload": object{"is_reusable": false, "url": media.URL}}}
	case t.List != nil:
		return attachment(object{"template_type": "list", "elements": toldElements(t.List.Elements), "buttons": told([]button{t.List.Button})})
	case t.Carousel != nil:
		return attachment(object{"template_type": "generic", "elements": toldElements(t.Carousel.Elements)})
	case t.QuickReply != nil:
		replies := []object{}
		for _, reply := range t.QuickReply.QuickReplies {
			one := object{"content_type": "text", "title": reply.Title, "payload": string(reply.Payload)}
			if reply.ImageURL != "" {
				one["image_url"] = reply.ImageURL
			}
			replies = append(replies, one)
		}
		return object{"text": t.QuickReply.TextMessages.text(), "quick_replies": replies}
	}
	return nil
}

func attachment(payload object) object {
	return object{"attachment": object{"type": "template", "payload": payload}}
}

func told(buttons []button) []object {
	out := []object{}
	for _, b := range buttons {
		switch {
		case b.URL != nil:
			out = append(out, object{"type": "web_url", "title": b.URL.Title, "url": b.URL.URL})
		case b.Phone != nil:
			out = append(out, object{"type": "phone_number", "title": b.Phone.Title, "payload": b.Phone.PhoneNumber})
		case b.PostBack != nil:
			out = append(out, object{"type": "postback", "title": b.PostBack.Title, "payload": string(b.PostBack.Payload)})
		}
	}
	return out
}

func toldElements(elements []element) []object {
	out := []object{}
	for _, e := range elements {
		buttons := e.Buttons
		if e.Button != nil {
			buttons = append(buttons, *e.Button)
		}
		out = append(out, object{"title": e.Title, "subtitle": e.SubTitle, "image_url": e.ImageURL, "buttons": told(buttons)})
	}
	return out
}

// echo is the messages event that tells what a call has sent.
func echo(call Call, said []json.RawMessage) Messages {
	now := time.Now().UTC()
	event := Messages{BotID: call.BotID, Version: first(call.Version, "LIVE"), SessionID: call.SessionID, Timestamp: Timestamp(now)}
	for i, message := range said {
		// A conversation's messages have times of their own, as in the documentation's transcript.
		event.Messages = append(event.Messages, Entry{Actor: "bot", Message: message, Timestamp: Timestamp(now.Add(time.Duration(i) * time.Millisecond))})
	}
	return event
}

func encode(value any) json.RawMessage {
	raw, err := json.Marshal(value)
	if err != nil { // cannot happen: texts, lists and objects of them
		return json.RawMessage(`{}`)
	}
	return raw
}
