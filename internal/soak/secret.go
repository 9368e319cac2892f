package soak

import (
	"bytes"
	"io"
	"maps"
	"os"
	"regexp"
	"sync"

	"keyfob/internal/token"
)

// credentials finds what has the form of a token or a session. A link is in its mail, and is looked for apart.
var credentials = regexp.MustCompile(`kfs?_[a-z][a-z0-9]{1,15}_[0-9A-Za-z]{65}`)

// exposed gives the credential that stands in a text; empty where there is none.
func exposed(text []byte) string { return string(credentials.Find(text)) }

// piece is how much of a secret is looked for: what is longer than any of the service's own names.
const piece = 20

// secrets are all that may be nowhere. They are safe for concurrent use.
type secrets struct {
	mu     sync.Mutex
	pieces map[string]struct{} // the first characters of the random part of each credential and link
	others map[string]struct{} // passwords and the like, whole
	linked map[string]struct{} // pieces of links, which their mails have
}

// credential adds a credential that the service has given out.
func (s *secrets) credential(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(&s.pieces, pieceOf(text))
}

// link adds what a mailed link carries.
func (s *secrets) link(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(&s.pieces, pieceOf(text))
	add(&s.linked, pieceOf(text))
}

// withoutLinks gives those that may not be in mails either.
func (s *secrets) withoutLinks() *secrets {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &secrets{others: s.others, pieces: maps.Clone(s.pieces)}
	for p := range s.linked {
		delete(out.pieces, p)
	}
	return out
}

// pieceOf gives the first characters of the random part of a credential.
func pieceOf(text string) string {
	at := len(text) - token.ChecksumLen - token.SecretLen
	return text[max(0, at):min(len(text), max(0, at)+piece)]
}

func add(all *map[string]struct{}, text string) {
	if len(text) < piece {
		return
	}
	if *all == nil {
		*all = map[string]struct{}{}
	}
	(*all)[text] = struct{}{}
}

// other adds a secret that has no form.
func (s *secrets) other(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.others == nil {
		s.others = map[string]struct{}{}
	}
	s.others[text] = struct{}{}
}

// count gives how many there are.
func (s *secrets) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pieces) + len(s.others)
}

// in counts the secrets in a text.
func (s *secrets) in(text []byte) (found int) {
	found = len(credentials.FindAll(text, -1))
	run := 0
	for i, c := range text {
		if !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z') {
			run = 0
			continue
		}
		if run++; run >= piece {
			if _, is := s.pieces[string(text[i+1-piece:i+1])]; is {
				found++
			}
		}
	}
	for other := range s.others {
		found += bytes.Count(text, []byte(other))
	}
	return found
}

// Sizes of what is read of a file at once, and of what is read again with the next.
const (
	chunk   = 4 << 20
	overlap = 256
)

// inFile counts the secrets in a file. One that lies where two chunks meet may be counted twice.
func (s *secrets) inFile(path string) (found int, err error) {
	f, err := os.Open(path) //#nosec G304 -- of the run's own folder
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	s.mu.Lock()
	defer s.mu.Unlock()
	buffer, kept := make([]byte, chunk), 0
	for {
		n, err := io.ReadFull(f, buffer[kept:])
		found += s.in(buffer[:kept+n])
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		kept = copy(buffer, buffer[chunk-overlap:])
	}
}
