package session

import (
	"keyfob/internal/table"
	"keyfob/internal/token"
)

// Replace gives the operation that puts s in the place of the version it was read as: for a change that belongs into a
// commit with more than the session, and that decides by itself what is to be committed. Who it belongs to stays, and its
// credential.
func (s Session) Replace() table.Op { return table.Replace(s.item(), s.Version) }

// Renewed gives s under another id, the credential that stands for it from then on, and the operations that put it in the
// place of the version it was read as. It is for what a browser holds, whenever it gains rights: whoever has put a
// credential there, or seen it before, has nothing of it (OWASP ASVS 7.2.4). When it ends stays as it was.
//
// A session that appears under a new id is one that a change of its user or account, on its way through the old ones, may
// have passed by. So give it the standing that they lend now, and commit on condition that they are as they were read.
func (s Session) Renewed(form token.Form) (Session, token.Credential, []table.Op) {
	ops := s.Delete()
	credential := form.New(token.Session)
	s.ID, s.Digest, s.Version = credential.ID(), credential.Digest(), 1
	return s, credential, append(ops, s.create()...)
}

// Delete gives the operations that end the session in the version it was read as.
func (s Session) Delete() []table.Op { return s.delete(table.VersionIs(s.Version)) }
