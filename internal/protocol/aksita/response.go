package aksita

import (
	"encoding/json"
	"strings"

	"handoff/internal/protocol"
)

// response puts a message into texts, which is all that the protocol carries. It is never empty: receivers take the first one.
//
//	text           the text
//	files          the caption, then the link; the link alone where there is no caption
//	location       the name, the address and the coordinates: "Shop, Main St 1, 50.85, 4.35"
//	contacts       a line for each card: "Ann Lee, +44 7700 900123"
//	interactive    the body, then a line for each choice
//	anything else  the text that a person would read in the inbox
//
// What has no words at all, such as a reaction that is taken back, is its type in brackets: "[reaction]".
func response(m protocol.Message) []string {
	var out []string
	if text := words(m); strings.TrimSpace(text) != "" {
		out = append(out, text)
	}
	if link := link(m); link != "" {
		out = append(out, link)
	}
	if len(out) == 0 {
		return []string{"[" + m.Type + "]"}
	}
	return out
}

// words is what a person would read of the message.
func words(m protocol.Message) string {
	switch m.Type {
	case "contacts":
		return cards(m.Content)
	case "interactive":
		return choices(m)
	case "location":
		return place(m.Content)
	default:
		return m.Text
	}
}

// link is the address of a message's file: the one that we serve, or the one that the agent gave.
func link(m protocol.Message) string {
	if m.Media != nil && m.Media.URL != "" {
		return m.Media.URL
	}
	var content struct {
		Link string `json:"link"`
	}
	// Content of another shape names no file.
	_ = json.Unmarshal(m.Content, &content)
	return content.Link
}

func place(content json.RawMessage) string {
	// A coordinate is a number, or one in quotes: Meta's reference shows both.
	var l struct {
		Name      string          `json:"name"`
		Address   string          `json:"address"`
		Latitude  json.RawMessage `json:"latitude"`
		Longitude json.RawMessage `json:"longitude"`
	}
	if err := json.Unmarshal(content, &l); err != nil {
		return ""
	}
	return join(", ", l.Name, l.Address, strings.Trim(string(l.Latitude), `"`), strings.Trim(string(l.Longitude), `"`))
}

func cards(content json.RawMessage) string {
	var list []struct {
		Name struct {
			FormattedName string `json:"formatted_name"`
		} `json:"name"`
		Phones []struct {
			Phone string `json:"phone"`
		} `json:"phones"`
	}
	if err := json.Unmarshal(content, &list); err != nil {
		return ""
	}
	var lines []string
	for _, card := range list {
		line := []string{card.Name.FormattedName}
		for _, phone := range card.Phones {
			line = append(line, phone.Phone)
		}
		lines = append(lines, join(", ", line...))
	}
	return join("\n", lines...)
}

func choices(m protocol.Message) string {
	type choice struct {
		Title string `json:"title"`
	}
	var content struct {
		Body struct {
			Text string `json:"text"`
		} `json:"body"`
		Action struct {
			Buttons []struct {
				Reply choice `json:"reply"`
			} `json:"buttons"`
			Sections []struct {
				Rows []choice `json:"rows"`
			} `json:"sections"`
			Parameters struct {
				DisplayText string `json:"display_text"`
				URL         string `json:"url"`
			} `json:"parameters"`
		} `json:"action"`
	}
	if err := json.Unmarshal(m.Content, &content); err != nil {
		return m.Text
	}
	lines := []string{content.Body.Text}
	for _, button := range content.Action.Buttons {
		lines = append(lines, button.Reply.Title)
	}
	for _, section := range content.Action.Sections {
		for _, row := range section.Rows {
			lines = append(lines, row.Title)
		}
	}
	lines = append(lines, join(": ", content.Action.Parameters.DisplayText, content.Action.Parameters.URL))
	if text := join("\n", lines...); text != "" {
		return text
	}
	return m.Text
}

// join leaves out what is empty.
func join(separator string, parts ...string) string {
	var out []string
	for _, part := range parts {
		if strings.TrimSpace(part) != "" {
			out = append(out, part)
		}
	}
	return strings.Join(out, separator)
}
