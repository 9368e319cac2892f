package api

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"keyfob/internal/audit"
	"keyfob/internal/gateway"
)

// eventView is an event as the API shows it.
type eventView struct {
	ID    string     `json:"id"`
	Type  audit.Type `json:"type"`
	At    string     `json:"at"`
	Actor struct {
		User       string `json:"userId,omitzero"`
		Credential string `json:"credential,omitzero"`
		Via        string `json:"via"`
	} `json:"actor"`
	From struct {
		IP        string `json:"ip,omitzero"`
		UserAgent string `json:"userAgent,omitzero"`
		RequestID string `json:"requestId,omitzero"`
	} `json:"from"`
	Subject subjectView   `json:"subject"`
	Also    []subjectView `json:"also,omitempty"`
	Changes []changeView  `json:"changes,omitempty"`
	Note    string        `json:"note,omitzero"`
}

type subjectView struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

type changeView struct {
	Field string `json:"field"`
	From  string `json:"from,omitzero"`
	To    string `json:"to,omitzero"`
}

func subjectViewOf(s audit.Subject) subjectView { return subjectView{s.Kind, s.ID, s.Name} }

// eventTime is how an event's time is written: events have milliseconds, so that their order can be told.
const eventTime = "2006-01-02T15:04:05.000Z"

func eventViewOf(e audit.Event) eventView {
	v := eventView{ID: e.ID, Type: e.Type, At: e.At.UTC().Format(eventTime), Subject: subjectViewOf(e.Subject), Note: e.Note}
	v.Actor.User, v.Actor.Credential, v.Actor.Via = e.Actor.User, e.Actor.Credential, e.Actor.Via
	v.From.IP, v.From.UserAgent, v.From.RequestID = e.Origin.IP, e.Origin.UserAgent, e.Origin.RequestID
	for _, s := range e.Also {
		v.Also = append(v.Also, subjectViewOf(s))
	}
	for _, c := range e.Changes {
		v.Changes = append(v.Changes, changeView(c))
	}
	return v
}

// eventColumns heads the CSV: where the value stands in the JSON. Lists are JSON within their cell.
var eventColumns = []string{
	"id", "type", "at", "actor.userId", "actor.credential", "actor.via", "from.ip", "from.userAgent", "from.requestId",
	"subject.kind", "subject.id", "subject.name", "also", "changes", "note",
}

// eventsCSV writes events as RFC 4180 says.
func eventsCSV(events []eventView) gateway.Response {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	_ = w.Write(eventColumns) // a buffer takes everything
	for _, e := range events {
		row := []string{
			e.ID, string(e.Type), e.At, e.Actor.User, e.Actor.Credential, e.Actor.Via, e.From.IP, e.From.UserAgent, e.From.RequestID,
			e.Subject.Kind, e.Subject.ID, e.Subject.Name, jsonCell(e.Also), jsonCell(e.Changes), e.Note,
		}
		for i, cell := range row {
			row[i] = inert(cell)
		}
		_ = w.Write(row)
	}
	w.Flush()
	return gateway.Response{Status: http.StatusOK, Body: b.Bytes(), Headers: map[string]string{"Content-Type": "text/csv; charset=utf-8"}}
}

// jsonCell writes a list, empty for none.
func jsonCell[T any](list []T) string {
	if len(list) == 0 {
		return ""
	}
	text, _ := json.Marshal(list) // texts, which can all be written
	return string(text)
}

// inert keeps a spreadsheet from taking a text for a formula (OWASP, CSV injection): one that begins with a character that
// could start one gets an apostrophe before it.
func inert(cell string) string {
	if r, _ := utf8.DecodeRuneInString(cell); cell != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", r) {
		return "'" + cell
	}
	return cell
}
