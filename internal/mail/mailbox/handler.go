package mailbox

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// Policies of what is served. The page loads its own files and nothing else. A mail is shown in a frame without any
// rights but to open its links in a new tab: the sandbox in its own policy holds even where it is opened directly.
const (
	pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	mailPolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
	dataPolicy = "default-src 'none'; frame-ancestors 'none'"
)

//go:embed page
var page embed.FS

// Handler serves the mailbox:
//
//	GET /_local/mail             {"messages":[…]}, the newest first; ?to=address keeps one recipient's, ?limit=n the newest n
//	GET /_local/mail/{id}        one message
//	GET /_local/mail/{id}/html   its HTML, sandboxed
//	GET /_local/mail.html        the page, with mail.css and mail.js beside it
//
// The list has an ETag that changes with the folder, so that the page can ask often.
func (m *Mailbox) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_local/mail", m.serveList)
	mux.HandleFunc("GET /_local/mail/{id}", m.serveOne)
	mux.HandleFunc("GET /_local/mail/{id}/html", m.serveHTML)
	for name, kind := range map[string]string{"mail.html": "text/html", "mail.css": "text/css", "mail.js": "text/javascript"} {
		mux.HandleFunc("GET /_local/"+name, func(w http.ResponseWriter, _ *http.Request) {
			data, err := page.ReadFile("page/" + name)
			if err != nil {
				refuse(w, http.StatusInternalServerError, err.Error())
				return
			}
			begin(w, pagePolicy, kind+"; charset=utf-8")
			_, _ = w.Write(data)
		})
	}
	return mux
}

func (m *Mailbox) serveList(w http.ResponseWriter, r *http.Request) {
	limit, to := math.MaxInt, r.URL.Query().Get("to")
	if s := r.URL.Query().Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			refuse(w, http.StatusBadRequest, "limit is a whole number from 1 on.")
			return
		}
		limit = n
	}
	ids, err := m.ids()
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	tag := `"0"`
	if len(ids) > 0 {
		tag = fmt.Sprintf(`"%d-%s"`, len(ids), ids[0])
	}
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	list, err := m.newest(ids, func(s Stored) bool { return to == "" || strings.EqualFold(s.To, to) }, limit)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	answer(w, http.StatusOK, map[string][]Stored{"messages": list})
}

func (m *Mailbox) serveOne(w http.ResponseWriter, r *http.Request) {
	if s, ok := m.find(w, r); ok {
		answer(w, http.StatusOK, s)
	}
}

func (m *Mailbox) serveHTML(w http.ResponseWriter, r *http.Request) {
	if s, ok := m.find(w, r); ok {
		begin(w, mailPolicy, "text/html; charset=utf-8")
		_, _ = w.Write([]byte(s.HTML))
	}
}

// find reads the message that the path names, or answers why it cannot.
func (m *Mailbox) find(w http.ResponseWriter, r *http.Request) (Stored, bool) {
	s, err := m.read(r.PathValue("id"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		refuse(w, http.StatusNotFound, "There is no such message.")
	case err != nil:
		refuse(w, http.StatusInternalServerError, err.Error())
	}
	return s, err == nil
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Del("ETag")
	answer(w, status, map[string]string{"message": message})
}

func answer(w http.ResponseWriter, status int, v any) {
	begin(w, dataPolicy, "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // an error is the client's going away
}

// begin writes the headers that every answer has.
func begin(w http.ResponseWriter, policy, kind string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}
