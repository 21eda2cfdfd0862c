package api

import (
	"encoding/json"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

// Inbox is one configured counterpart: a protocol, its credentials and its endpoints.
type Inbox struct {
	ID                 handoff.ID       `json:"id" format:"uuid"`
	Name               string           `json:"name"`
	Protocol           handoff.Protocol `json:"protocol" enum:"hitlchat,chatlayer,aksita,kapso,passthrough,native"`
	WABAID             string           `json:"waba_id,omitempty" doc:"WhatsApp Business Account id: entry[].id of the bodies for this inbox."`
	PhoneNumberID      string           `json:"phone_number_id,omitempty" doc:"metadata.phone_number_id of the bodies for this inbox."`
	DisplayPhoneNumber string           `json:"display_phone_number,omitempty" doc:"The number as Meta shows it."`
	WebhookURL         string           `json:"webhook_url,omitempty" doc:"What to enter at Meta or at Chatlayer. Without a host where the server does not know its own address."`
	AccessTokenSet     bool             `json:"access_token_set" doc:"The token itself is never shown."`
	AppSecretSet       bool             `json:"app_secret_set" doc:"The secret itself is never shown."`
	VerifyTokenSet     bool             `json:"verify_token_set" doc:"The token itself is not shown again."`
	VerifyToken        string           `json:"verify_token,omitempty" doc:"The token that was made for the inbox, to enter at Meta or at Chatlayer. It is in the answer that makes it and never again."`
	BotID              string           `json:"bot_id,omitempty"`
	BotVersion         string           `json:"bot_version,omitempty" enum:"LIVE,DRAFT"`
	APIURL             string           `json:"api_url,omitempty"`
	ResumeCall         json.RawMessage  `json:"resume_call,omitempty"`
	TimeZone           string           `json:"time_zone"`
	Accepting          bool             `json:"accepting"`
	Hours              handoff.Hours    `json:"hours,omitempty"`
	QueueLimit         *int32           `json:"queue_limit,omitempty"`
	InactivitySeconds  int64            `json:"inactivity_seconds"`
	ResolvedStatus     string           `json:"resolved_status,omitempty"`
	InactivityStatus   string           `json:"inactivity_status,omitempty"`
	NotifyInactivity   *bool            `json:"notify_inactivity,omitempty"`
	CallbackData       *bool            `json:"callback_data,omitempty"`
	InboxWork
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// InboxSettings is what a new inbox may be given and an old one may change. A field that is not the protocol's is refused.
type InboxSettings struct {
	Protocol      handoff.Protocol `json:"protocol,omitempty" enum:"hitlchat,chatlayer,aksita,kapso,passthrough,native" doc:"hitlchat unless given. An old inbox of hitlchat, kapso or passthrough can change to another of these, while nothing is open or on its way."`
	WABAID        *string          `json:"waba_id,omitempty" maxLength:"200" doc:"WhatsApp Business Account id: entry[].id of the bodies. Of hitlchat, kapso and passthrough, which need it."`
	PhoneNumberID *string          `json:"phone_number_id,omitempty" maxLength:"200" doc:"metadata.phone_number_id of the bodies. Of hitlchat, kapso and passthrough, which need it."`
	AccessToken   *string          `json:"access_token,omitempty" maxLength:"4096" doc:"Meta's permanent token (hitlchat, kapso, passthrough), or Chatlayer's. Meta is asked whether it works. Saving one sends what an old one was refused for, and fetches the files that waited for one. It is never shown. Empty removes it."`
	AppSecret     *string          `json:"app_secret,omitempty" maxLength:"500" doc:"The secret of Meta's app, which signs its webhooks (hitlchat, kapso, passthrough). It is never shown. Empty removes it."`
	VerifyToken   *string          `json:"verify_token,omitempty" maxLength:"500" doc:"hub.verify_token of Meta or challenge.verifyToken of Chatlayer. One is made unless given, and shown once; empty makes a new one. Of hitlchat, chatlayer, kapso and passthrough; hitlchat has one only if given."`

	BotID      *string         `json:"bot_id,omitempty" maxLength:"200" doc:"Of Chatlayer's bot, which needs it."`
	BotVersion *string         `json:"bot_version,omitempty" enum:"LIVE,DRAFT" doc:"Of Chatlayer's bot, for conversations that no offload opened: an offload says its own. LIVE unless given."`
	APIURL     *string         `json:"api_url,omitempty" maxLength:"2048" doc:"Base address of Chatlayer's API. https://api.chatlayer.ai unless given; empty goes back to it."`
	ResumeCall json.RawMessage `json:"resume_call,omitempty" doc:"The JSON that resumes Chatlayer's bot when a conversation ends: the body for the session's actions, or {\"path\":\"…\",\"body\":{…}}. {{sessionId}} and {{botId}} in its texts are replaced. null removes it."`

	TimeZone   *string        `json:"time_zone,omitempty" maxLength:"100" doc:"Name in the IANA database, of hours and of the times that a protocol writes with an offset. UTC unless given." example:"Asia/Jakarta"`
	Accepting  *bool          `json:"accepting,omitempty" doc:"false refuses every offload. Of every protocol but passthrough."`
	Hours      *handoff.Hours `json:"hours,omitempty" maxItems:"100" doc:"When offloads are accepted; an empty list is always. Of every protocol but passthrough."`
	QueueLimit *int           `json:"queue_limit,omitempty" minimum:"0" maximum:"1000000" doc:"Offloads are refused while as many conversations wait; 0 is no limit. Of every protocol but passthrough."`

	InactivitySeconds *int64  `json:"inactivity_seconds,omitempty" minimum:"60" maximum:"2592000" doc:"A conversation ends by itself after this time without a message. 86400 unless given."`
	ResolvedStatus    *string `json:"resolved_status,omitempty" maxLength:"500" doc:"resolved_status of hitlchat's conversation_resolved when an agent resolves. \"Resolved by Human\" unless given."`
	InactivityStatus  *string `json:"inactivity_status,omitempty" maxLength:"500" doc:"The same for an end by inactivity. \"Closed by Inactivity\" unless given."`
	NotifyInactivity  *bool   `json:"notify_inactivity,omitempty" doc:"Whether hitlchat's conversation_resolved is sent for an end by inactivity. true unless given."`
	CallbackData      *bool   `json:"callback_data,omitempty" doc:"Whether hitlchat's meta_payload carries our message id as biz_opaque_callback_data, so that Meta's statuses find their message. false unless given."`

	WorkSettings

	Validate *bool `json:"validate,omitempty" doc:"false saves without asking Meta whether token, number and account work together. true unless given."`
}

func (b InboxSettings) fields() (admin.InboxFields, error) {
	work, err := b.work()
	fields := admin.InboxFields{
		WABAID: b.WABAID, PhoneNumberID: b.PhoneNumberID, AccessToken: b.AccessToken, AppSecret: b.AppSecret, VerifyToken: b.VerifyToken,
		BotID: b.BotID, BotVersion: b.BotVersion, APIURL: b.APIURL, ResumeCall: b.ResumeCall, TimeZone: b.TimeZone, Accepting: b.Accepting,
		Hours: b.Hours, QueueLimit: b.QueueLimit, ResolvedStatus: b.ResolvedStatus, InactivityStatus: b.InactivityStatus,
		NotifyInactivity: b.NotifyInactivity, CallbackData: b.CallbackData, WorkFields: work, Unchecked: b.Validate != nil && !*b.Validate,
	}
	if b.Protocol != "" {
		fields.Protocol = &b.Protocol
	}
	if b.InactivitySeconds != nil {
		inactivity := time.Duration(*b.InactivitySeconds) * time.Second
		fields.Inactivity = &inactivity
	}
	return fields, err
}

func (s *server) inboxView(row dbsqlc.Inbox) Inbox {
	view := Inbox{
		ID: row.ID, Name: row.Name, Protocol: row.Protocol, WABAID: row.WABAID, PhoneNumberID: row.PhoneNumberID,
		DisplayPhoneNumber: row.DisplayPhoneNumber, WebhookURL: admin.WebhookURL(s.PublicURL, row), AccessTokenSet: len(row.AccessToken) > 0,
		AppSecretSet: len(row.AppSecret) > 0, VerifyTokenSet: len(row.VerifyToken) > 0, TimeZone: row.TimeZone, Accepting: row.Accepting,
		QueueLimit: row.QueueLimit, InactivitySeconds: int64(row.Inactivity / time.Second), CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
		InboxWork: inboxWork(row),
	}
	// It was checked when it was saved.
	_ = json.Unmarshal(row.Hours, &view.Hours)
	if row.Protocol == handoff.ProtocolHitlChat {
		view.ResolvedStatus, view.InactivityStatus = row.ResolvedStatus, row.InactivityStatus
		view.NotifyInactivity, view.CallbackData = &row.NotifyInactivity, &row.CallbackData
	}
	if row.Protocol == handoff.ProtocolChatlayer {
		view.BotID, view.BotVersion, view.APIURL, view.ResumeCall = row.BotID, row.BotVersion, row.APIURL, row.ResumeCall
	}
	return view
}
