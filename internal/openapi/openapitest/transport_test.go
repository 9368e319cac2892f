package openapitest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"keyfob/internal/openapi/openapitest"
)

const secret = "kf_us_EXAMPLEexample01ExampleSecretExampleSecretExampleSecretExam3YHKFD"

// answer writes an answer with the headers that all have.
func answer(w http.ResponseWriter, status int, mediaType, body string) {
	for name, value := range map[string]string{
		"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Content-Type": mediaType,
		"Referrer-Policy": "no-referrer", "Strict-Transport-Security": "max-age=63072000; includeSubDomains", "X-Content-Type-Options": "nosniff",
	} {
		w.Header().Set(name, value)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func nothingHere(w http.ResponseWriter) {
	answer(w, http.StatusNotFound, "application/problem+json", `{"type":"about:blank","title":"Not Found","status":404,`+
		`"detail":"There is nothing here.","message":"There is nothing here.","errors":[{"code":"not_found","message":"There is nothing here."}]}`)
}

// serve starts a server, and gives a client of it and what the client's transport has reported.
func serve(t *testing.T, h http.HandlerFunc) (base string, client *http.Client, reported func() []string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	var mu sync.Mutex
	var all []string
	transport := &openapitest.Transport{Document: openapitest.Load(t), Report: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, err.Error())
	}}
	return s.URL, &http.Client{Transport: transport}, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

func do(t *testing.T, client *http.Client, method, url, body string) (status int, received string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestTheTransportChangesNeitherRequestNorResponse(t *testing.T) {
	base, client, reported := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != `{"token":"x"}` || r.ContentLength != 13 || r.Method != "POST" || r.URL.Path != "/v1/revoke" {
			t.Errorf("%s %s %q", r.Method, r.URL, body)
		}
		answer(w, http.StatusOK, "application/json", `{"revoked":true}`)
	})
	if status, body := do(t, client, "POST", base+"/v1/revoke", `{"token":"x"}`); status != 200 || body != `{"revoked":true}` {
		t.Errorf("%d %s", status, body)
	}
	if got := reported(); got != nil {
		t.Error(got)
	}
}

func TestTheTransportReportsAWrongAnswerAndStillHandsItOn(t *testing.T) {
	base, client, reported := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "application/json", `{"revoked":true,"was":"live"}`)
	})
	if status, body := do(t, client, "POST", base+"/v1/revoke", `{"token":"x"}`); status != 200 || body != `{"revoked":true,"was":"live"}` {
		t.Errorf("%d %s", status, body)
	}
	if got := reported(); len(got) != 1 || !strings.Contains(got[0], "POST /v1/revoke, answered 200") || !strings.Contains(got[0], "'was'") {
		t.Error(got)
	}
}

func TestTheTransportServesManyGoroutines(t *testing.T) {
	base, client, reported := serve(t, func(w http.ResponseWriter, _ *http.Request) { nothingHere(w) })
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 8 {
				do(t, client, "GET", fmt.Sprintf("%s/v1/tokens/%d", base, i), "")
			}
		})
	}
	wg.Wait()
	if got := reported(); got != nil {
		t.Error(got)
	}
}

type broken struct{}

var errBroken = errors.New("broken")

func (broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, errBroken }

func TestTheTransportHandsOnTheFailureOfItsBase(t *testing.T) {
	client := &http.Client{Transport: openapitest.Wrap(t, openapitest.Load(t), broken{})}
	if _, err := client.Get("http://127.0.0.1/v1/tokens"); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

// failing is a test that keeps to itself that it has failed.
type failing struct {
	testing.TB
	failures []string
}

func (f *failing) Errorf(format string, args ...any) {
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

func TestAWrappedClientFailsItsTestForAWrongAnswer(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/tokenInfo" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		nothingHere(w)
	}))
	defer s.Close()
	f := &failing{TB: t}
	client := &http.Client{Transport: openapitest.Wrap(f, openapitest.Load(t), nil)}
	do(t, client, "GET", s.URL+"/v1/unknown/unknown/unknown", "")
	if f.failures != nil {
		t.Fatal(f.failures)
	}
	do(t, client, "GET", s.URL+"/v1/tokenInfo", "")
	if len(f.failures) != 1 {
		t.Error(f.failures)
	}
}

func TestARouteThatDoesNotExistIsAnsweredWithTheGateways404AndNothingElse(t *testing.T) {
	wrong := false
	base, client, reported := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if wrong {
			answer(w, http.StatusForbidden, "application/json", `{"message":"Missing Authentication Token"}`)
			return
		}
		nothingHere(w)
	})
	requests := [][2]string{{"GET", "/v1"}, {"GET", "/v1/"}, {"GET", "/api"}, {"GET", "/v1/a/b/c"}, {"PATCH", "/v1/login"}, {"POST", "/v1/tokens/x"}, {"GET", "/v1//x"}, {"HEAD", "/v1/login"}}
	for _, r := range requests {
		do(t, client, r[0], base+r[1], "")
	}
	if got := reported(); got != nil {
		t.Fatal(got)
	}
	wrong = true
	for _, r := range requests {
		do(t, client, r[0], base+r[1], "")
	}
	if got := reported(); len(got) != len(requests) {
		t.Errorf("%d of %d: %v", len(got), len(requests), got)
	}
}

func TestPagesAndPreflightsAreNotTheDocuments(t *testing.T) {
	base, client, reported := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, r := range [][2]string{{"GET", "/"}, {"GET", "/_local/mail"}, {"GET", "/v10"}, {"OPTIONS", "/v1/tokens"}} {
		do(t, client, r[0], base+r[1], "")
	}
	if got := reported(); got != nil {
		t.Error(got)
	}
}

func TestWhatIsReportedHasNoCredentialOrPasswordInIt(t *testing.T) {
	const password = "correct horse battery"
	base, client, reported := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "application/json", `{"`+secret+`":1,"token":"`+secret+` ","logged":"`+secret+`","rights":["`+secret+`"]}`)
	})
	do(t, client, "POST", base+"/api/v1/login?token="+secret, `{"name":1,"password":["`+password+`"],"`+secret+`":2}`)
	do(t, client, "GET", base+"/v1/tokenInfo?token="+secret, "")
	do(t, client, "DELETE", base+"/api/v1/api/key/"+secret+"?"+secret+"=1", "")
	got := reported()
	if len(got) != 3 {
		t.Fatal(got)
	}
	for _, text := range got {
		if strings.Contains(text, secret[:20]) || strings.Contains(text, password) {
			t.Error(text)
		}
	}
	for _, want := range []string{"/logged: not as type says", "/password: not as type says", "missing propert"} {
		if !strings.Contains(got[0], want) {
			t.Errorf("it does not say %q: %s", want, got[0])
		}
	}
}
