package meta

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"handoff/internal/vendorjson"
)

// Meta's limits of interactive messages (messages/interactive-*-messages), in code points.
const (
	maxBody        = 1024
	maxButtonID    = 256
	maxButtons     = 3
	maxButtonTitle = 20
	maxFooter      = 60
	maxHeader      = 60
	maxListBody    = 4096
	maxRowID       = 200
	maxRows        = 10
	maxRowText     = 72
	maxRowTitle    = 24
)

// interactiveTypes are the kinds of interactive messages. Those without a rule pass with their outer shape checked: they point
// to flows, catalogues and payments that only Meta knows.
var interactiveTypes = map[string]func(c *check, at string, action object){
	"address_message":          nil,
	"button":                   checkButtons,
	"call_permission_request":  nil,
	"carousel":                 nil,
	"catalog_message":          nil,
	"cta_url":                  checkCTA,
	"flow":                     nil,
	"list":                     checkRows,
	"location_request_message": checkLocationRequest,
	"order_details":            nil,
	"order_status":             nil,
	"product":                  nil,
	"product_list":             nil,
	"request_contact_info":     nil,
	"voice_call":               nil,
}

func checkInteractive(c *check, at string, raw json.RawMessage) {
	o := c.object(at, raw)
	if o == nil {
		return
	}
	kind := o.Text("type")
	rule, ok := interactiveTypes[kind]
	if !ok {
		known := strings.Join(slices.Sorted(maps.Keys(interactiveTypes)), ", ")
		c.fault(at+".type", "there is no interactive message of type %q: use one of %s", vendorjson.Clip(kind, 60), known)
		return
	}
	c.only(at, o, "action", "body", "footer", "header", "type")
	limit := maxBody
	if kind == "list" {
		limit = maxListBody
	}
	if rule != nil || o.Has("body") {
		if body := c.object(at+".body", o["body"]); body != nil {
			c.text(at+".body", body, "text", limit)
		}
	}
	if o.Has("footer") {
		if footer := c.object(at+".footer", o["footer"]); footer != nil {
			c.text(at+".footer", footer, "text", maxFooter)
		}
	}
	checkHeader(c, at+".header", o, kind)
	if action := c.object(at+".action", o["action"]); action != nil && rule != nil {
		rule(c, at+".action", action)
	}
}

func checkHeader(c *check, at string, o object, kind string) {
	if !o.Has("header") {
		return
	}
	header := c.object(at, o["header"])
	if header == nil {
		return
	}
	headerType := header.Text("type")
	if kind == "list" && headerType != "text" {
		c.fault(at+".type", "the header of a list can only be a text")
		return
	}
	switch headerType {
	case "text":
		c.text(at, header, "text", maxHeader)
	case "image", "video", "document", "gif":
		c.object(at+"."+headerType, header[headerType])
	default:
		c.fault(at+".type", "there is no header of type %q: use text, image, video or document", vendorjson.Clip(headerType, 60))
	}
}

func checkButtons(c *check, at string, action object) {
	ids := map[string]bool{}
	for i, raw := range c.list(at, action, "buttons", maxButtons) {
		place := fmt.Sprintf("%s.buttons[%d]", at, i)
		button := c.object(place, raw)
		if button == nil {
			continue
		}
		if button.Text("type") != "reply" {
			c.fault(place+".type", `%s.type has to be "reply"`, place)
		}
		reply := c.object(place+".reply", button["reply"])
		if reply == nil {
			continue
		}
		c.text(place+".reply", reply, "title", maxButtonTitle)
		c.unique(ids, place+".reply.id", c.text(place+".reply", reply, "id", maxButtonID))
	}
}

func checkRows(c *check, at string, action object) {
	c.text(at, action, "button", maxButtonTitle)
	sections := c.list(at, action, "sections", maxRows)
	ids, total := map[string]bool{}, 0
	for i, raw := range sections {
		place := fmt.Sprintf("%s.sections[%d]", at, i)
		section := c.object(place, raw)
		if section == nil {
			continue
		}
		if len(sections) > 1 {
			c.text(place, section, "title", maxRowTitle)
		} else {
			c.optional(place, section, "title", maxRowTitle)
		}
		rows := c.list(place, section, "rows", maxRows)
		total += len(rows)
		for j, raw := range rows {
			checkRow(c, fmt.Sprintf("%s.rows[%d]", place, j), raw, ids)
		}
	}
	if total > maxRows {
		c.fault(at+".sections", "the sections have %d rows together; Meta allows %d", total, maxRows)
	}
}

func checkRow(c *check, at string, raw json.RawMessage, ids map[string]bool) {
	row := c.object(at, raw)
	if row == nil {
		return
	}
	c.text(at, row, "title", maxRowTitle)
	c.optional(at, row, "description", maxRowText)
	c.unique(ids, at+".id", c.text(at, row, "id", maxRowID))
}

// unique reports an id that is there twice: the answer could not tell which one was pressed.
func (c *check) unique(ids map[string]bool, at, id string) {
	if id != "" && ids[id] {
		c.fault(at, "the id %q is there twice", vendorjson.Clip(id, 60))
	}
	ids[id] = true
}

func checkCTA(c *check, at string, action object) {
	if action.Text("name") != "cta_url" {
		c.fault(at+".name", `%s.name has to be "cta_url"`, at)
	}
	if parameters := c.object(at+".parameters", action["parameters"]); parameters != nil {
		c.text(at+".parameters", parameters, "display_text", maxButtonTitle)
		c.link(at+".parameters", parameters, "url", "https", "http")
	}
}

func checkLocationRequest(c *check, at string, action object) {
	if action.Text("name") != "send_location" {
		c.fault(at+".name", `%s.name has to be "send_location"`, at)
	}
}
