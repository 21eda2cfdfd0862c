package native

// The bodies below are what the parsers of this package read, field by field. They describe the requests to the API's document; a
// test compares their fields with those that are read.

// MessagesBody is a list of messages. A single message may stand alone, as a MessageBody.
type MessagesBody struct {
	Messages []MessageBody `json:"messages" minItems:"1" maxItems:"1000" doc:"In the order in which they were said."`
}

// MessageBody is one message.
type MessageBody struct {
	Contact      ContactBody `json:"contact" doc:"Who wrote it, or who it was written to."`
	ID           string      `json:"id" minLength:"1" maxLength:"512" example:"m-1001" doc:"Your id of the message. The same id again changes nothing."`
	Type         string      `json:"type,omitempty" default:"text" enum:"audio,button,contacts,document,image,interactive,location,order,reaction,sticker,template,text,unsupported,video" doc:"For what your channel has and this list lacks, use unsupported, and say it in text."`
	Text         string      `json:"text,omitempty" maxLength:"65536" example:"I need to speak to a human" doc:"What a person would read: the text, the caption, the button that was pressed, the emoji of a reaction. Required for text."`
	Content      any         `json:"content,omitempty" doc:"The object for the type, such as {\"latitude\":50.85,\"longitude\":4.35} of a location; a list for contacts. WhatsApp's shapes are shown best."`
	Media        *MediaBody  `json:"media,omitempty" doc:"The file. Required for audio, document, image, sticker and video."`
	ReplyTo      string      `json:"reply_to,omitempty" maxLength:"512" doc:"Your id of the message that is quoted or reacted to."`
	Direction    string      `json:"direction,omitempty" default:"inbound" enum:"inbound,outbound" doc:"inbound: the contact wrote it. outbound: your bot or your business said it elsewhere; it is shown and not sent."`
	Author       string      `json:"author,omitempty" enum:"contact,bot,agent" doc:"Who wrote an outbound message: bot (the default), or agent for a person who answered elsewhere. An inbound one is the contact's."`
	Timestamp    string      `json:"timestamp,omitempty" format:"date-time" example:"2026-06-08T09:14:00Z" doc:"When it was said."`
	Opens        *bool       `json:"opens,omitempty" doc:"Whether an inbound message opens a conversation where none is open. The default is yes, and no for a reaction. With false the bot holds the conversation: the message is kept as its transcript, which the next offload shows."`
	PriorHistory []PriorTurn `json:"prior_history,omitempty" maxItems:"1000" doc:"The conversation with the bot before, oldest first. It counts on the message that opens a conversation."`
}

// ContactBody is the customer. One of id, phone and bsuid is required.
type ContactBody struct {
	ID       string `json:"id,omitempty" maxLength:"512" example:"visitor-17" doc:"Your id of the contact: an id of the session, or of the user. It is the same person in every inbox of the account."`
	Phone    string `json:"phone,omitempty" example:"+44 7700 900123" doc:"With country code."`
	BSUID    string `json:"bsuid,omitempty" maxLength:"512" doc:"WhatsApp's business-scoped user id."`
	Username string `json:"username,omitempty" maxLength:"512" doc:"WhatsApp's username."`
	Name     string `json:"name,omitempty" maxLength:"200" example:"Ann"`
}

// MediaBody is a file, which is fetched once and kept.
type MediaBody struct {
	URL      string `json:"url" format:"uri" maxLength:"4096" doc:"An http or https address that answers without a key."`
	MIMEType string `json:"mime_type,omitempty" maxLength:"200" example:"image/jpeg"`
	Filename string `json:"filename,omitempty" maxLength:"255"`
	SHA256   string `json:"sha256,omitempty" doc:"In hex or base64. A file with another hash is refused."`
}

// PriorTurn is one text of the conversation before a message.
type PriorTurn struct {
	Direction string `json:"direction" enum:"inbound,outbound"`
	Text      string `json:"text" maxLength:"65536" doc:"Describe a file in words."`
	Timestamp string `json:"timestamp,omitempty" format:"date-time"`
	ID        string `json:"id,omitempty" maxLength:"512" doc:"Your id of the message, if it has one: a message with the same id is not shown twice."`
}

// StatusesBody is a list of statuses. A single status may stand alone, as a StatusBody.
type StatusesBody struct {
	Statuses []StatusBody `json:"statuses" minItems:"1" maxItems:"1000"`
}

// StatusBody is how far an agent's message has come. One of message_id and external_id is required.
type StatusBody struct {
	MessageID  string       `json:"message_id,omitempty" format:"uuid" doc:"Our id of the message, as message.queued gave it."`
	ExternalID string       `json:"external_id,omitempty" maxLength:"512" doc:"Your id of it. With both, ours learns yours."`
	Status     string       `json:"status" enum:"sent,delivered,read,played,failed"`
	Timestamp  string       `json:"timestamp,omitempty" format:"date-time"`
	Failure    *FailureBody `json:"failure,omitempty" doc:"Why it failed."`
	Contact    *ContactBody `json:"contact,omitempty"`
}

// FailureBody says why a message failed.
type FailureBody struct {
	Code   string `json:"code,omitempty" maxLength:"100" example:"blocked" doc:"For programs."`
	Reason string `json:"reason,omitempty" maxLength:"1000" example:"the contact has blocked the page" doc:"For the agent."`
}

// OffloadBody is the request for a person.
type OffloadBody struct {
	Contact    ContactBody    `json:"contact"`
	ID         string         `json:"id,omitempty" maxLength:"512" doc:"Your id of the request: the same id again changes nothing. Without it every request counts; give an id, or an Idempotency-Key, if you may send it twice."`
	Reason     string         `json:"reason,omitempty" maxLength:"65536" example:"asked for a person" doc:"Why, in words for the agent."`
	Payload    map[string]any `json:"payload,omitempty" doc:"What else the agent should see, such as an order number."`
	Timestamp  string         `json:"timestamp,omitempty" format:"date-time" doc:"When the bot asked."`
	Transcript []TurnBody     `json:"transcript,omitempty" maxItems:"1000" doc:"What was said before, oldest first. Turns whose id was posted as a message are not shown twice."`
}

// TurnBody is one turn of a transcript.
type TurnBody struct {
	Direction string `json:"direction" enum:"inbound,outbound"`
	Author    string `json:"author,omitempty" enum:"contact,bot,agent" doc:"Who said it; the contact where it is inbound, and the bot where it is outbound."`
	Text      string `json:"text,omitempty" maxLength:"65536" doc:"What a person would read. Required for text."`
	Type      string `json:"type,omitempty" default:"text" enum:"audio,button,contacts,document,image,interactive,location,order,reaction,sticker,template,text,unsupported,video"`
	Content   any    `json:"content,omitempty" doc:"The object for the type."`
	ID        string `json:"id,omitempty" maxLength:"512"`
	Timestamp string `json:"timestamp,omitempty" format:"date-time"`
}

// EndBody says that the conversation is over.
type EndBody struct {
	Contact   ContactBody `json:"contact"`
	ID        string      `json:"id,omitempty" maxLength:"512" doc:"Your id of the request: the same id again changes nothing. Without it every request counts; give an id, or an Idempotency-Key, if you may send it twice."`
	Reason    string      `json:"reason,omitempty" maxLength:"65536" example:"the contact left the page" doc:"Why, in words for the agent."`
	Timestamp string      `json:"timestamp,omitempty" format:"date-time" doc:"When it ended."`
}
