package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// erasure is what the API says of one.
type erasure struct {
	ID              string           `json:"id"`
	ContactID       string           `json:"contact_id"`
	State           string           `json:"state"`
	Counts          map[string]int64 `json:"counts"`
	SHA256          string           `json:"sha256"`
	CertificateText string           `json:"certificate_text"`
}

// forgotten is a contact of whom nothing may be left, and what would betray them.
type forgotten struct {
	*stack
	phone, wamid string
	photo        string
	conversation conversation
}

// canaries are what the contact is known by and what was said with them.
func (f *forgotten) canaries() []string {
	return []string{
		f.phone, f.wamid, f.photo, "Zanzibarina", "marmalade", "tangerine", "quince", "apricot", "persimmon",
		f.conversation.ID, hex.EncodeToString([]byte(f.phone)), hex.EncodeToString([]byte("marmalade")),
	}
}

// says is a webhook of Meta with one message of the contact, which may quote another.
func (f *forgotten) says(id, content, quotes string) {
	f.Helper()
	reference := ""
	if quotes != "" {
		reference = fmt.Sprintf(`"context":{"from":%q,"id":%q},`, f.phone, quotes)
	}
	body := fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"messages","value":{`+
		`"messaging_product":"whatsapp","metadata":{"phone_number_id":%q},"contacts":[{"profile":{"name":"Zanzibarina"},"wa_id":%q}],`+
		`"messages":[{"from":%q,"id":%q,"timestamp":"%d",%s%s}]}}]}]}`, waba, phone, f.phone, f.phone, id, time.Now().Unix(), reference, content)
	into[receipt](f.T, f.post(body), http.StatusOK)
}

// TestAContactIsErased lets a contact leave traces wherever there may be some, erases them, and looks everywhere.
func TestAContactIsErased(t *testing.T) {
	t.Parallel()
	f := &forgotten{stack: newStack(t, "outbound_message", "conversation_resolved", "contact.erased"), phone: "447700911789"}
	f.wamid = "wamid." + base64.StdEncoding.EncodeToString([]byte("\x1d\x0c"+f.phone+"\x15\x02"))
	f.photo = "\xff\xd8\xff\xe0 a photo of a kumquat"
	f.gateway.AnswerTo(func(body string) int {
		if strings.Contains(body, "outbound_message") {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	other := f.somebodyElse()
	f.leavesTraces()

	asked := into[erasure](t, call(t, http.MethodPost, f.url+"/v1/contacts/"+f.conversation.Contact.ID+"/erasure", f.adminKey, nil), http.StatusAccepted)
	before := len(f.gateway.Requests()) // the webhook that fails may have been tried again until now
	require.Equal(t, http.StatusNotFound, f.get("/v1/contacts/"+f.conversation.Contact.ID).status, "from here on nobody is shown it")
	again := into[erasure](t, call(t, http.MethodPost, f.url+"/v1/contacts/"+f.conversation.Contact.ID+"/erasure", f.adminKey, nil), http.StatusAccepted)
	require.Equal(t, asked.ID, again.ID)
	f.certified(asked.ID)
	f.nothingIsFound()
	f.toldErased(before, asked.ID)

	f.staysAsItWas(other)
	into[receipt](t, f.post(text(f.phone, "wamid.new", "hello again")), http.StatusOK)
	until(t, readyWithin, "the number is a new contact's", func() bool {
		found := into[list[conversation]](t, f.get("/v1/conversations?status=waiting,assigned&q="+f.phone), http.StatusOK)
		return len(found.Items) == 1 && found.Items[0].Contact.ID != f.conversation.Contact.ID
	})
	f.erasedByCommand()
}

// somebodyElse has a conversation with a file.
func (f *forgotten) somebodyElse() conversation {
	f.Helper()
	into[receipt](f.T, f.post(text("447700900555", "wamid.other", "I stay")), http.StatusOK)
	return f.open()
}

// leavesTraces fills whatever has a place for what is the contact's.
func (f *forgotten) leavesTraces() {
	f.Helper()
	f.graph.AddMedia("kumquat", "image/jpeg", "", []byte(f.photo))
	f.says(f.wamid, `"type":"text","text":{"body":"marmalade please"}`, "")
	f.says(f.wamid+"2", `"type":"image","image":{"mime_type":"image/jpeg","id":"kumquat","caption":"tangerine"}`, f.wamid)
	until(f.T, readyWithin, "the conversation", func() bool {
		found := into[list[conversation]](f.T, f.get("/v1/conversations?status=waiting&q="+f.phone), http.StatusOK)
		if len(found.Items) == 1 {
			f.conversation = found.Items[0]
		}
		return len(found.Items) == 1
	})
	id := f.conversation.ID
	until(f.T, readyWithin, "the photo", func() bool {
		said := f.messages(id)
		return len(said) == 2 && said[1].Media != nil && said[1].Media.State == "ready"
	})
	into[conversation](f.T, f.command(f.anaKey, id, "claim", nil), http.StatusOK)
	into[map[string]any](f.T, f.command(f.anaKey, id, "notes", map[string]string{"text": "likes quince"}), http.StatusCreated)
	into[map[string]any](f.T, f.command(f.anaKey, id, "tags", map[string]any{"add": []string{"persimmon"}}), http.StatusOK)
	f.patch("/v1/contacts/"+f.conversation.Contact.ID, `{"attributes":{"fruit":"persimmon"}}`)
	reply := map[string]any{"type": "text", "text": "apricot it is", "reply_to": f.messages(id)[0].ID}
	into[message](f.T, f.command(f.anaKey, id, "messages", reply, "Idempotency-Key", "apricot"), http.StatusCreated)
	until(f.T, readyWithin, "a webhook that fails", func() bool { return len(f.gateway.Requests()) > 0 })
	until(f.T, readyWithin, "they are found", func() bool {
		return len(into[list[json.RawMessage]](f.T, f.get("/v1/search?q=marmalade"), http.StatusOK).Items) == 1 &&
			len(into[list[json.RawMessage]](f.T, f.get("/v1/search?q=quince"), http.StatusOK).Items) == 1
	})
	dump := f.dumped()
	for _, canary := range []string{f.phone, f.wamid, "Zanzibarina", "marmalade", "tangerine", "quince", "apricot", "persimmon"} {
		require.Contains(f.T, dump, canary, "else looking for it proves nothing")
	}
	require.Contains(f.T, strings.Join(f.stored(), "\n"), f.photo)
}

func (f *forgotten) patch(path, body string) {
	f.Helper()
	require.Equal(f.T, http.StatusOK, call(f.T, http.MethodPatch, f.url+path, f.anaKey, []byte(body)).status)
}

// certified waits for the certificate and reads it.
func (f *forgotten) certified(id string) {
	f.Helper()
	var done erasure
	until(f.T, readyWithin, "the certificate", func() bool {
		done = into[erasure](f.T, call(f.T, http.MethodGet, f.url+"/v1/erasures/"+id, f.adminKey, nil), http.StatusOK)
		return done.State == "finished"
	})
	f.Log(done.CertificateText)
	require.Len(f.T, done.SHA256, 64)
	for kind, least := range map[string]int64{
		"conversations": 1, "messages": 3, "files": 1, "notes": 1, "receipts": 2, "identities": 1, "search_documents": 3, "deliveries": 1,
		"stored_answers": 1,
	} {
		require.GreaterOrEqual(f.T, done.Counts[kind], least, kind)
	}
	var certificate struct {
		ContactID string `json:"contact_id"`
		Verified  struct {
			Remaining map[string]int64 `json:"remaining"`
		} `json:"verified"`
	}
	require.NoError(f.T, json.Unmarshal([]byte(done.CertificateText), &certificate))
	require.Equal(f.T, f.conversation.Contact.ID, certificate.ContactID)
	require.NotEmpty(f.T, certificate.Verified.Remaining)
	for table, n := range certificate.Verified.Remaining {
		require.Zero(f.T, n, table)
	}
}

// nothingIsFound looks through the database as it is dumped, the files, what Temporal keeps, and the logs.
func (f *forgotten) nothingIsFound() {
	f.Helper()
	dump, files, temporal := f.dumped(), strings.Join(f.stored(), "\n"), f.histories()
	require.Contains(f.T, temporal, "Erasure", "the erasure's own history is there")
	for _, canary := range f.canaries() {
		require.NotContains(f.T, dump, canary, "the database")
		require.NotContains(f.T, files, canary, "the files")
		if canary != f.conversation.ID { // of an id nobody learns anything
			require.NotContains(f.T, temporal, canary, "Temporal")
			require.NotContains(f.T, f.serve.log()+f.worker.log(), canary, "the logs")
		}
	}
	require.Contains(f.T, dump, f.conversation.Contact.ID, "the proof names the contact by its id")
	require.Empty(f.T, into[list[json.RawMessage]](f.T, f.get("/v1/search?q=marmalade"), http.StatusOK).Items)
}

// toldErased tells that the gateway got contact.erased, and nothing of what was on its way.
func (f *forgotten) toldErased(before int, id string) {
	f.Helper()
	until(f.T, readyWithin, "contact.erased", func() bool {
		for _, request := range f.gateway.Requests() {
			if strings.Contains(request.Body, id) {
				return true
			}
		}
		return false
	})
	for _, request := range f.gateway.Requests()[before:] {
		require.NotContains(f.T, request.Body, "outbound_message", "what was on its way has not left")
	}
}

func (f *forgotten) staysAsItWas(other conversation) {
	f.Helper()
	require.Equal(f.T, "waiting", f.stack.conversation(other.ID).Status)
	require.Equal(f.T, "I stay", f.messages(other.ID)[0].Text)
	require.Len(f.T, into[list[json.RawMessage]](f.T, f.get("/v1/search?q=stay"), http.StatusOK).Items, 1)
}

// erasedByCommand erases the new contact of the same number, as an operator does.
func (f *forgotten) erasedByCommand() {
	f.Helper()
	found := into[list[conversation]](f.T, f.get("/v1/conversations?q="+f.phone), http.StatusOK)
	require.Len(f.T, found.Items, 1)
	asked := f.make("contact", "erase", "--account="+f.account, found.Items[0].Contact.ID)
	require.Equal(f.T, "running", asked["state"])
	until(f.T, readyWithin, "the command says that it is finished", func() bool {
		return f.make("contact", "erasure", "--account="+f.account, asked["id"])["state"] == "finished"
	})
	require.NotContains(f.T, f.dumped(), f.phone)
	type entry struct {
		Action string `json:"action"`
	}
	entries := pages[entry](f.T, f.url+"/v1/audit-log", f.adminKey)
	said := map[string]int{}
	for _, e := range entries {
		said[e.Action]++
	}
	require.Equal(f.T, 1, said["handoff contact erase"], "%v", said)
	require.Equal(f.T, 2, said["erase-contact"], "each request has one entry: %v", said)
	require.Equal(f.T, 2, said["contact-erased"], "%v", said)
}

// dumped is the whole database as text.
func (f *forgotten) dumped() string {
	f.Helper()
	if _, err := exec.LookPath("pg_dump"); err != nil {
		f.Skip("pg_dump is not in PATH: it comes with PostgreSQL's client programs")
	}
	out, err := exec.Command("pg_dump", "--data-only", f.databaseURL).Output()
	require.NoError(f.T, err)
	return string(out)
}

// stored are the names and the bytes of all files of the media folder.
func (f *forgotten) stored() []string {
	f.Helper()
	var folder string
	for _, setting := range f.env {
		if dir, ok := strings.CutPrefix(setting, "HANDOFF_MEDIA_URL=file://"); ok {
			folder = dir
		}
	}
	require.DirExists(f.T, folder)
	var out []string
	require.NoError(f.T, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path) //nolint:gosec // the test's own folder
		out = append(out, path, string(content))
		return err
	}))
	return out
}

// histories are those of all runs that Temporal has, as text.
func (f *forgotten) histories() string {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	defer cancel()
	temporal := f.temporal()
	var out strings.Builder
	found, err := temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000})
	require.NoError(f.T, err)
	for _, execution := range found.Executions {
		out.WriteString(execution.String())
		id, run := execution.Execution.WorkflowId, execution.Execution.RunId
		for events := temporal.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
			event, err := events.Next()
			if err != nil {
				break // it is being deleted
			}
			out.WriteString(event.String())
		}
	}
	return out.String()
}
