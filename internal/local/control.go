package local

import (
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"keyfob/internal/local/bucket"
	"keyfob/internal/local/wire"
)

// handler parts the imitation's own controls from the API.
func (s *Server) handler(gateway http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_local/clock", s.serveClock)
	mux.HandleFunc("POST /_local/clock", s.serveAdvance)
	mux.HandleFunc("GET /_local/stats", s.serveStats)
	mux.HandleFunc("POST "+lambdaPath+"/2015-03-31/functions/{name}/invocations", s.serveInvoke)
	mux.Handle(s3Path+"/", http.StripPrefix(s3Path, s.failures().Handler(s.config.Log)))
	mux.HandleFunc("/_local/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "", "There is no such control.")
	})
	if s.config.Mailbox != nil {
		mux.Handle("GET /_local/mail", s.settled(s.config.Mailbox))
		mux.Handle("GET /_local/mail/", s.config.Mailbox)
		for _, name := range []string{"mail.html", "mail.css", "mail.js"} {
			mux.Handle("GET /_local/"+name, s.config.Mailbox)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/_local/") && r.URL.Path != "/_local" {
			gateway.ServeHTTP(w, r)
			return
		}
		wire.Header(r) // each request of a connection takes its own lines, or the next one would get them
		if reason := foreign(r); reason != "" {
			refuse(w, http.StatusForbidden, "", reason)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// s3Path is where S3's own API begins, as far as it is served: what clients of AWS take as its endpoint, path-style.
const s3Path = "/_local/s3"

// failures is the bucket for what is given up.
func (s *Server) failures() bucket.Bucket {
	return bucket.In(filepath.Join(s.config.DataDir, failuresFolder))
}

// settled has schedules and event source mappings come to rest before the handler answers: whoever asks for the mails wants those
// that what they have just done owes.
func (s *Server) settled(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.rests(r.Context(), s.Settle) // those that take longer come with the next answer
		h.ServeHTTP(w, r)
	})
}

// foreign says why a request is not one of this machine's own user, empty where it is. A page on another site can
// make a browser send requests here: under a name of its own that it lets lead to this machine, or as what it is,
// which the browser then tells.
func foreign(r *http.Request) string {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if ip := net.ParseIP(host); !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback()) {
		return "The controls answer only to localhost and loopback addresses."
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return ""
	}
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
		return "The controls do not take orders from another site."
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return ""
	}
	return "The controls do not take orders from another site."
}

func (s *Server) serveStats(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.Stats())
}

// clockAnswer is the time as the controls tell it.
type clockAnswer struct {
	Now time.Time `json:"now"`
}

func (s *Server) serveClock(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, clockAnswer{s.config.Clock.Now().UTC()})
}

// farthest is how far the clock is moved at once: longer than the longest life of anything.
const farthest = 100 * 365 * 24 * time.Hour

func (s *Server) serveAdvance(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Advance *string `json:"advance"`
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1024))
	if errors.As(err, new(*http.MaxBytesError)) {
		refuse(w, http.StatusRequestEntityTooLarge, "", "The body is larger than 1024 bytes.")
		return
	}
	if err == nil {
		err = json.Unmarshal(data, &body, json.RejectUnknownMembers(true))
	}
	if err != nil || body.Advance == nil {
		refuse(w, http.StatusBadRequest, "advance", `The body is a JSON object with the one member advance: {"advance":"1h30m"}.`)
		return
	}
	d, err := time.ParseDuration(*body.Advance)
	if err != nil || d < 0 || d > farthest {
		refuse(w, http.StatusBadRequest, "advance", `advance is a time span that is not negative, such as "90s" or "1h30m".`)
		return
	}
	now, err := s.Advance(r.Context(), d)
	if err != nil {
		s.config.Log.Error("moving the clock", "error", err)
		refuse(w, http.StatusInternalServerError, "", "The clock was moved, but what is due could not be purged.")
		return
	}
	answer(w, http.StatusOK, clockAnswer{now.UTC()})
}

// refusal is what a control answers that does nothing.
type refusal struct {
	Message string       `json:"message"`
	Errors  []fieldError `json:"errors,omitempty"`
}

type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

func refuse(w http.ResponseWriter, status int, field, message string) {
	r := refusal{Message: message}
	if field != "" {
		r.Errors = []fieldError{{field, message}}
	}
	answer(w, status, r)
}

func answer(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n'))
}
