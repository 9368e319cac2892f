package people_test

import (
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/people"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// scene is a world with somebody for every change there is.
type scene struct {
	*world
	member, guest account.User
}

func newScene(t *testing.T) *scene {
	t.Helper()
	w := newWorld(t)
	s := &scene{w, w.factors(w.user(w.acc, scope.Member)), w.invite(w.act(w.owner), "guest@example.com", scope.Member)}
	w.clock.Advance(time.Minute)
	return s
}

// recorded counts what has happened in the account.
func (w *world) recorded() int {
	w.Helper()
	page, err := w.table.Query(w.Context(), table.Query{PK: key.PrefixAudit + w.acc.ID, Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	return len(page.Items)
}

// P1: people change nothing with a credential that has ended since it was let through, be it in the instant before the
// commit, nor as somebody of an account that was suspended meanwhile.
func TestP1NothingIsChangedWithACredentialThatHasEnded(t *testing.T) {
	off := false
	for what, change := range map[string]func(s *scene, p *people.People, act people.Act) error{
		"a user": func(s *scene, p *people.People, act people.Act) error {
			_, err := p.Change(s.Context(), act, s.member.ID, role(scope.Admin))
			return err
		},
		"oneself": func(s *scene, p *people.People, act people.Act) error {
			_, err := p.ChangeSelf(s.Context(), act, people.SelfChange{Developer: new(true)})
			return err
		},
		"the policy": func(s *scene, p *people.People, act people.Act) error {
			_, err := p.ChangePolicy(s.Context(), act, people.PolicyChange{QueryCredentials: &off})
			return err
		},
		"an invitation": func(s *scene, p *people.People, act people.Act) error {
			_, err := p.Invite(s.Context(), act, people.Invitation{Email: "new@example.com", Role: scope.Member})
			return err
		},
		"another invitation": func(s *scene, p *people.People, act people.Act) error {
			_, err := p.InviteAgain(s.Context(), act, s.guest.ID)
			return err
		},
		"a removal": func(s *scene, p *people.People, act people.Act) error {
			return p.Remove(s.Context(), act, s.member.ID)
		},
		"factors": func(s *scene, p *people.People, act people.Act) error {
			return p.ResetFactors(s.Context(), act, s.member.ID)
		},
		"an offer": func(s *scene, p *people.People, act people.Act) error {
			_, err := p.OfferHandover(s.Context(), act, s.member.ID)
			return err
		},
		"an offer taken back": func(s *scene, p *people.People, act people.Act) error {
			return p.WithdrawHandover(s.Context(), act)
		},
	} {
		for how, end := range map[string]func(s *scene, act people.Act) error{
			"the session ended": func(s *scene, act people.Act) error {
				return (&session.Sessions{Table: s.table, Now: s.clock.Now}).End(s.Context(), act.By.ID, audit.Actor{}, audit.Origin{})
			},
			"the token was revoked": func(s *scene, act people.Act) error {
				return s.authority().Revoke(s.Context(), act.By, audit.ViaAPI, audit.Origin{}, act.By.Handle())
			},
			"the account was suspended": func(s *scene, _ people.Act) error {
				acc, _ := s.records(s.owner)
				acc.Status, acc.Behind = account.Suspended, true
				return s.table.Commit(s.Context(), acc.Replace())
			},
		} {
			s := newScene(t)
			act := s.act(s.owner)
			if how == "the token was revoked" {
				if what == "factors" || what == "an offer" {
					continue // which no token does
				}
				_, c := s.issue(act.By)
				p, _ := s.verify(c)
				act = as(p)
			}
			if what == "an offer taken back" {
				if _, err := s.people().OfferHandover(t.Context(), s.act(s.owner), s.member.ID); err != nil {
					t.Fatal(err)
				}
			}
			recorded := 0
			db := &before{s.table, func() {
				if err := end(s, act); err != nil {
					t.Error(err)
				}
				recorded = s.recorded()
			}}
			if err := change(s, s.on(db), act); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s, where %s: %v", what, how, err)
			}
			if n := s.recorded(); recorded == 0 || n != recorded {
				t.Errorf("%s, where %s: %d events, then %d", what, how, recorded, n)
			}
		}
	}
}

// R2: nor with a session that has been locked since, by a factor that its user has now.
func TestR2NothingIsChangedWithASessionThatWasLocked(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	w.factors(w.owner)
	_, owner := w.records(w.owner)
	owner.Behind = true
	w.commit(owner.Replace())
	carried(w, owner)
	_, err := w.people().ChangeSelf(t.Context(), act, people.SelfChange{Developer: new(true)})
	w.refused("with a locked session", err, fault.Forbidden, "session_locked")
}
