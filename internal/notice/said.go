package notice

import (
	"slices"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/mail"
)

// said puts the event into the words of a mail.
func (n *Notices) said(e audit.Event, acc account.Account, members []account.User, to recipient) mail.Notice {
	said := mail.Notice{
		EventID: e.ID, Event: string(e.Type), At: e.At, Account: acc.Name, Realm: n.Realm,
		Actor: actor(e, members), Via: e.Actor.Via, IP: e.Origin.IP, UserAgent: e.Origin.UserAgent,
		To: mail.Person{Name: to.user.Name, Email: to.user.Email}, Why: to.why, Note: e.Note,
	}
	if n.URL != "" {
		said.Dashboard = n.URL + "/"
	}
	for _, c := range e.Changes {
		said.Changes = append(said.Changes, mail.Change(c))
	}
	switch e.Subject.Kind {
	case "token":
		said.Token = mail.Token{Name: e.Subject.Name, Handle: e.Subject.ID}
	case "user":
		said.Person = named(e.Subject.ID, e.Subject.Name, members)
	}
	return said
}

// actor names who did it.
func actor(e audit.Event, members []account.User) mail.Person {
	switch {
	case e.Actor.Via == audit.ViaOperator:
		return mail.Person{Name: mail.Operator}
	case e.Actor.User == "" && e.Actor.Credential != "":
		return mail.Person{Name: mail.Holder}
	case e.Actor.User == "":
		return mail.Person{Name: mail.System}
	}
	return named(e.Actor.User, e.Actor.User, members)
}

// named gives a user of the account as a mail names people. Of one who has left since there is only the name.
func named(id, name string, members []account.User) mail.Person {
	if i := slices.IndexFunc(members, func(u account.User) bool { return u.ID == id }); i >= 0 {
		return mail.Person{Name: members[i].Name, Email: members[i].Email}
	}
	return mail.Person{Name: name}
}
