package mail

import "fmt"

// A Digest is many notices of one account to one reader.
type Digest struct {
	ID        string
	To        Person
	Account   string
	Realm     string
	Dashboard string
	Entries   []Notice
}

// ComposeDigest writes the mail.
func ComposeDigest(d Digest) (Message, error) {
	m := Message{To: d.To.Email, Subject: fmt.Sprintf("Keyfob: %d notices", len(d.Entries)), EventID: d.ID}
	for _, n := range d.Entries {
		m.Text += title(n, wordings(n)) + "\n"
	}
	return m, Validate(m)
}
