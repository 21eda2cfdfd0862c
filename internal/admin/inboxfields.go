package admin

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol/chatlayer"
)

// The limits of an inbox's inactivity, after which a conversation ends by itself.
const (
	MinInactivity     = time.Minute
	MaxInactivity     = 30 * 24 * time.Hour
	DefaultInactivity = 24 * time.Hour
)

// DefaultChatlayerURL is Chatlayer's API in Europe. There are others in the US and in Asia (chatlayer-api, "Base URLs").
const DefaultChatlayerURL = "https://api.chatlayer.ai"

const (
	maxToken      = 4096
	maxQueueLimit = 1_000_000
)

// InboxFields is what an inbox is given. In a new inbox an absent field has its default; in a change it stays as it is.
type InboxFields struct {
	Name *string
	// Protocol of an old inbox can change to one with the same ids, while nothing is open or on its way.
	Protocol      *handoff.Protocol
	WABAID        *string
	PhoneNumberID *string
	// AccessToken is Meta's, or Chatlayer's; empty removes it.
	AccessToken *string
	// AppSecret is Meta's, which signs its webhooks; empty removes it.
	AppSecret *string
	// VerifyToken is Meta's hub.verify_token, or Chatlayer's challenge.verifyToken. Empty makes a new one, where one is needed.
	VerifyToken *string
	BotID       *string
	BotVersion  *string // LIVE or DRAFT
	APIURL      *string // empty is the default
	// ResumeCall is the template of the call that resumes Chatlayer's bot; null removes it.
	ResumeCall json.RawMessage
	TimeZone   *string // of the IANA database
	Accepting  *bool
	Hours      *handoff.Hours // none is always
	QueueLimit *int           // 0 is none

	Inactivity       *time.Duration
	ResolvedStatus   *string
	InactivityStatus *string
	NotifyInactivity *bool
	CallbackData     *bool

	WorkFields

	// Unchecked saves without asking the vendor whether the credentials work.
	Unchecked bool
}

// The protocols that some fields belong to.
var (
	metaProtocols  = []handoff.Protocol{handoff.ProtocolHitlChat, handoff.ProtocolKapso, handoff.ProtocolPassthrough}
	onlyChatlayer  = []handoff.Protocol{handoff.ProtocolChatlayer}
	onlyHitlChat   = []handoff.Protocol{handoff.ProtocolHitlChat}
	tokenProtocols = append(slices.Clone(onlyChatlayer), metaProtocols...)
	// talking protocols have conversations.
	talking = slices.DeleteFunc(slices.Clone(handoff.Protocols), func(p handoff.Protocol) bool { return p == handoff.ProtocolPassthrough })
	// verified protocols have a vendor that names itself by a token at the inbox's own address.
	verified = []handoff.Protocol{handoff.ProtocolChatlayer, handoff.ProtocolKapso, handoff.ProtocolPassthrough}
)

func isMeta(p handoff.Protocol) bool { return slices.Contains(metaProtocols, p) }

// strangers says which of the given fields do not belong to the inbox's protocol.
func (c *check) strangers(p handoff.Protocol, f InboxFields) {
	for _, field := range []struct {
		name  string
		given bool
		of    []handoff.Protocol
	}{
		{"waba_id", f.WABAID != nil, metaProtocols},
		{"phone_number_id", f.PhoneNumberID != nil, metaProtocols},
		{"access_token", f.AccessToken != nil, tokenProtocols},
		{"app_secret", f.AppSecret != nil, metaProtocols},
		{"verify_token", f.VerifyToken != nil, tokenProtocols},
		{"bot_id", f.BotID != nil, onlyChatlayer},
		{"bot_version", f.BotVersion != nil, onlyChatlayer},
		{"api_url", f.APIURL != nil, onlyChatlayer},
		{"resume_call", len(f.ResumeCall) > 0, onlyChatlayer},
		{"accepting", f.Accepting != nil, talking},
		{"hours", f.Hours != nil, talking},
		{"queue_limit", f.QueueLimit != nil, talking},
		{"resolved_status", f.ResolvedStatus != nil, onlyHitlChat},
		{"inactivity_status", f.InactivityStatus != nil, onlyHitlChat},
		{"notify_inactivity", f.NotifyInactivity != nil, onlyHitlChat},
		{"callback_data", f.CallbackData != nil, onlyHitlChat},
	} {
		c.belongs(field.name, field.given, p, field.of)
	}
	c.workStrangers(p, f.WorkFields)
}

// belongs refuses a field that was given and is none of the protocol's.
func (c *check) belongs(field string, given bool, p handoff.Protocol, of []handoff.Protocol) {
	if given && !slices.Contains(of, p) {
		c.fault(field, "%s belongs to inboxes of %s, and this one speaks %s: leave it out", field, listed(of), p)
	}
}

// listed puts names as a sentence does: a, b and c.
func listed[T ~string](names []T) string {
	var out strings.Builder
	for i, name := range names {
		switch {
		case i == 0:
		case i == len(names)-1:
			out.WriteString(" and ")
		default:
			out.WriteString(", ")
		}
		out.WriteString(string(name))
	}
	return out.String()
}

// applyInbox writes the fields into the row, the sealed ones apart, and says what is wrong with what comes out.
func (a Admin) applyInbox(row *dbsqlc.Inbox, f InboxFields) error {
	var c check
	set(&row.Protocol, f.Protocol)
	if !slices.Contains(handoff.Protocols, row.Protocol) {
		c.fault("protocol", "there is no protocol %.60q: there are %s", string(row.Protocol), listed(handoff.Protocols))
		return c.err()
	}
	c.strangers(row.Protocol, f)
	if err := c.err(); err != nil {
		return err
	}
	set(&row.Name, f.Name)
	set(&row.WABAID, f.WABAID)
	set(&row.PhoneNumberID, f.PhoneNumberID)
	set(&row.BotID, f.BotID)
	set(&row.BotVersion, f.BotVersion)
	set(&row.APIURL, f.APIURL)
	set(&row.TimeZone, f.TimeZone)
	set(&row.Accepting, f.Accepting)
	set(&row.Inactivity, f.Inactivity)
	set(&row.ResolvedStatus, f.ResolvedStatus)
	set(&row.InactivityStatus, f.InactivityStatus)
	set(&row.NotifyInactivity, f.NotifyInactivity)
	set(&row.CallbackData, f.CallbackData)
	c.common(row, f)
	c.work(row, f.WorkFields)
	c.secrets(f)
	switch {
	case isMeta(row.Protocol):
		row.WABAID, row.PhoneNumberID = c.metaID("waba_id", row.WABAID), c.metaID("phone_number_id", row.PhoneNumberID)
	case row.Protocol == handoff.ProtocolChatlayer:
		a.checkChatlayer(&c, row, f)
	}
	return c.err()
}

func (c *check) common(row *dbsqlc.Inbox, f InboxFields) {
	row.Name = c.name(row.Name)
	c.text("resolved_status", row.ResolvedStatus, maxValue)
	c.text("inactivity_status", row.InactivityStatus, maxValue)
	c.within("inactivity_seconds", int(row.Inactivity.Seconds()), int(MinInactivity.Seconds()), int(MaxInactivity.Seconds()))
	// "Local" would be the server's own zone, whatever that is.
	if _, err := time.LoadLocation(row.TimeZone); err != nil || row.TimeZone == "" || row.TimeZone == "Local" {
		c.fault("time_zone", "there is no time zone %.60q: use a name of the IANA database, such as Asia/Jakarta", row.TimeZone)
	}
	if f.QueueLimit != nil {
		c.within("queue_limit", *f.QueueLimit, 0, maxQueueLimit)
		limit := int32(min(max(*f.QueueLimit, 0), maxQueueLimit))
		if row.QueueLimit = &limit; limit == 0 {
			row.QueueLimit = nil
		}
	}
	if f.Hours != nil {
		c.hours(row, *f.Hours)
	}
}

func (c *check) hours(row *dbsqlc.Inbox, hours handoff.Hours) {
	if err := hours.Check(); err != nil {
		c.fault("hours", "hours: %v", err)
		return
	}
	row.Hours = nil
	if len(hours) == 0 {
		return
	}
	encoded, err := json.Marshal(hours)
	if err != nil {
		c.fault("hours", "hours: %v", err)
		return
	}
	row.Hours = encoded
}

func (c *check) secrets(f InboxFields) {
	for _, secret := range []struct {
		name  string
		text  *string
		limit int
	}{
		{"access_token", f.AccessToken, maxToken}, {"app_secret", f.AppSecret, maxValue}, {"verify_token", f.VerifyToken, maxValue},
	} {
		if secret.text != nil {
			c.secret(secret.name, *secret.text, secret.limit)
		}
	}
}

// metaIDs go into the paths of Meta's API.
var metaIDs = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

func (c *check) metaID(field, id string) string {
	id = strings.TrimSpace(id)
	switch {
	case id == "":
		c.fault(field, "%s is empty: copy it from WhatsApp Manager", field)
	case !metaIDs.MatchString(id):
		c.fault(field, "%s is not one of Meta's ids, which have 1 to 128 letters, digits, hyphens and underscores: copy it again", field)
	}
	return id
}

func (a Admin) checkChatlayer(c *check, row *dbsqlc.Inbox, f InboxFields) {
	row.BotID = strings.TrimSpace(row.BotID)
	if !metaIDs.MatchString(row.BotID) {
		c.fault("bot_id", "bot_id is missing, or is not one of Chatlayer's ids: copy it from the address of the bot in Chatlayer")
	}
	if row.BotVersion != "LIVE" && row.BotVersion != "DRAFT" {
		c.fault("bot_version", "there is no bot_version %.60q: use LIVE or DRAFT", row.BotVersion)
	}
	if row.APIURL == "" {
		row.APIURL = DefaultChatlayerURL
	}
	row.APIURL = strings.TrimRight(row.APIURL, "/")
	if err := a.CheckURL(row.APIURL); err != nil {
		c.fault("api_url", "api_url: %v", err)
	} else if strings.ContainsAny(row.APIURL, "?#") {
		c.fault("api_url", "api_url: URL has a query: give the base address of Chatlayer's API, such as %s", DefaultChatlayerURL)
	}
	if len(f.ResumeCall) == 0 {
		return
	}
	if err := chatlayer.CheckResumeCall(f.ResumeCall); err != nil {
		c.fault("resume_call", "%s", messageOf(err))
		return
	}
	row.ResumeCall = f.ResumeCall
	if string(f.ResumeCall) == "null" {
		row.ResumeCall = nil
	}
}
