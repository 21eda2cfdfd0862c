package chatlayer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"handoff"
	"handoff/internal/vendorjson"
)

// whatsAppSession is how sessions of WhatsApp users are named in public code: the bot's number and the user's.
var whatsAppSession = regexp.MustCompile(`^wvywhtspp_\+?[0-9]{5,20}_\+?([0-9]{5,20})$`)

// contact is the user of a session. The phone number stands first, because it names the same person in every inbox.
func contact(session, name string) *handoff.ItemContact {
	c := &handoff.ItemContact{Name: name}
	if found := whatsAppSession.FindStringSubmatch(session); found != nil {
		c.Identities = append(c.Identities, handoff.Identity{Kind: handoff.IdentityPhone, Value: found[1]})
	}
	c.Identities = append(c.Identities, handoff.Identity{Kind: handoff.IdentitySession, Value: session})
	return c
}

// identifier makes the ids of a body's messages out of session, time, actor and what is said.
//
// It leaves out what the vendor's own examples say differently of one message in the feed and in the transcript of an offload: the
// feed's user messages have id, timestamp, the sender's name and channelType "web", the transcript's have none of the first two, a
// sender of two keys and channelType "emulator"; and a postback has its title once more as text. Two messages of equal words at
// one millisecond are therefore one.
type identifier struct {
	session  string
	timeless map[[sha256.Size]byte]int
}

// envelopeKeys say who, where and when, not what.
var envelopeKeys = []string{"channelType", "id", "sender", "timestamp"}

// next is the id of a message that was said at a time. Where neither the entry nor its message has one, otherwise is what there is
// instead: the entry's time as it is written, which nobody could read, or the time of the body. Several equal messages may have that
// in common, so their place among the equal ones of the body tells them apart.
func (ids *identifier) next(actor string, at time.Time, otherwise string, message object) string {
	said := string(canonical(essence(message)))
	if !at.IsZero() {
		sum := digest(ids.session, fmt.Sprint(at.UnixMilli()), actor, said)
		return "chatlayer:" + hex.EncodeToString(sum[:])
	}
	if ids.timeless == nil {
		ids.timeless = map[[sha256.Size]byte]int{}
	}
	sum := digest(ids.session, otherwise, actor, said)
	ids.timeless[sum]++
	sum = digest(hex.EncodeToString(sum[:]), fmt.Sprint(ids.timeless[sum]))
	return "chatlayer:" + hex.EncodeToString(sum[:])
}

func essence(message object) object {
	what := object{}
	for key, value := range message {
		what[key] = value
	}
	for _, key := range envelopeKeys {
		delete(what, key)
	}
	if what.Text("messageType") == "postback" && what.Text("title") != "" {
		delete(what, "text")
	}
	return what
}

// offloadID tells a repeat of one offload from the next offload of the session. Without a time only the transcript does, which
// has grown by then.
func offloadID(in Inbound, top object) string {
	when := top.Scalar("timestamp")
	if at := timestamp(top); !at.IsZero() {
		when = fmt.Sprint(at.UnixMilli())
	}
	parts := []string{in.BotID, in.SessionID, in.Version, when, string(canonicalRaw(top["payload"]))}
	if when == "" {
		parts = append(parts, string(canonicalRaw(top["transcript"])))
	}
	sum := digest(parts...)
	return "chatlayer-offload:" + hex.EncodeToString(sum[:])
}

// digest hashes texts, each with its length before it, so that no two lists of texts run into one.
func digest(parts ...string) [sha256.Size]byte {
	var all []byte
	for _, part := range parts {
		all = fmt.Appendf(all, "%d:%s", len(part), part)
	}
	return sha256.Sum256(all)
}

// canonical writes a value with its keys sorted, without white space and with every character written in one way, so that the
// same value has the same bytes wherever Chatlayer's programs wrote it. Numbers stay as they are written.
func canonical(o object) []byte {
	raw, err := json.Marshal(o)
	if err != nil { // cannot happen: the values were decoded from JSON
		return nil
	}
	return canonicalRaw(raw)
}

func canonicalRaw(raw json.RawMessage) []byte {
	decoder := json.NewDecoder(bytes.NewReader(vendorjson.Sanitize(raw)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return raw
	}
	out, err := json.Marshal(value)
	if err != nil { // cannot happen: the value was decoded from JSON
		return raw
	}
	return out
}
