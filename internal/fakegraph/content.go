package fakegraph

import (
	"encoding/json"
	"unicode/utf8"
)

// content is what is looked at in the object of any type.
type content struct {
	ID       string `json:"id"`
	Link     string `json:"link"`
	Caption  string `json:"caption"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	Body     textOf `json:"body"`
	Message  string `json:"message_id"`
	Language struct {
		Code string `json:"code"`
	} `json:"language"`
	Action struct {
		Buttons []struct {
			Reply struct {
				Title string `json:"title"`
			} `json:"reply"`
		} `json:"buttons"`
		Sections []struct {
			Rows []struct {
				Title string `json:"title"`
			} `json:"rows"`
		} `json:"sections"`
	} `json:"action"`
}

// textOf is a body: a text in a text message, an object with a text in an interactive one.
type textOf struct{ Text string }

// UnmarshalJSON takes either.
func (t *textOf) UnmarshalJSON(raw []byte) error {
	if raw[0] == '"' {
		return json.Unmarshal(raw, &t.Text)
	}
	var body struct {
		Text string `json:"text"`
	}
	err := json.Unmarshal(raw, &body)
	t.Text = body.Text
	return err
}

// check knows a few of Meta's limits (messages/text-messages, messages/interactive-*).
func (c content) check(kind string) *refusal {
	switch kind {
	case "text":
		if c.Body.Text == "" {
			return required("text['body']")
		}
		return longest("text['body']", c.Body.Text, 4096)
	case "template":
		if c.Name == "" || c.Language.Code == "" {
			return required("template['name'], template['language']")
		}
	case "reaction":
		if c.Message == "" {
			return required("reaction['message_id']")
		}
	case "interactive":
		return c.checkInteractive()
	}
	return nil
}

func (c content) checkInteractive() *refusal {
	if c.Type == "" {
		return required("interactive['type']")
	}
	limit := 1024
	if c.Type == "list" {
		limit = 4096
	}
	if problem := longest("interactive['body']['text']", c.Body.Text, limit); problem != nil {
		return problem
	}
	if c.Type == "button" && (len(c.Action.Buttons) == 0 || len(c.Action.Buttons) > 3) {
		return invalid("interactive['action']['buttons'] needs 1 to 3 buttons")
	}
	for _, button := range c.Action.Buttons {
		if problem := longest("button title", button.Reply.Title, 20); problem != nil {
			return problem
		}
	}
	rows := 0
	for _, section := range c.Action.Sections {
		rows += len(section.Rows)
		for _, row := range section.Rows {
			if problem := longest("row title", row.Title, 24); problem != nil {
				return problem
			}
		}
	}
	if c.Type == "list" && (rows == 0 || rows > 10) {
		return invalid("interactive['action']['sections'] needs 1 to 10 rows")
	}
	return nil
}

func longest(parameter, text string, limit int) *refusal {
	if utf8.RuneCountInString(text) > limit {
		return invalid("Param %s must be at most %d characters long.", parameter, limit)
	}
	return nil
}

// checkFile wants a link, or the id of a file that this Graph has.
func (g *Graph) checkFile(kind string, c content) *refusal {
	if (c.ID == "") == (c.Link == "") {
		return required(kind + "['id'] or " + kind + "['link']")
	}
	if problem := longest(kind+"['caption']", c.Caption, 1024); problem != nil {
		return problem
	}
	if _, known := g.find(c.ID); c.ID != "" && !known {
		return &refusal{code: 131009, message: "Parameter value is not valid", details: "there is no media with the id " + c.ID}
	}
	return nil
}
