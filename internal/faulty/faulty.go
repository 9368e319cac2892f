// Package faulty gives the parts that the service stands on, made to fail by plan: a table, a mail service, a key ring, the
// stream's way to its consumers, and the clock.
//
//	plan := faulty.NewPlan(seed)
//	plan.Rate(faulty.TableLost, 0.01)                                      // one call in a hundred
//	plan.Inject(faulty.MailLost, 1, faulty.Of("functions/notify", faulty.Send)) // the next one, whatever the rates
//
// It promises that each part is a real one underneath, of which a fault takes away the answer, the time or the process and
// never the meaning: what was refused was not done, what is answered as not known was done or not done as a whole; that
// errors are of the kinds that the roles' own contracts name; that which call fails follows from the plan's seed and the
// order of the calls; and that every fault that was put in is counted under its kind.
//
// It decides nothing about what should become of a fault: package soak judges. It imitates no slowness of a disk and no
// damage of a file; package table/bolt has tests of its own for those.
package faulty

// A Kind is a sort of fault. Its text is how reports name it.
type Kind string

// What a table does. Errors are of kind fault.Unavailable.
const (
	TableBusy Kind = "table throttled"    // refused, and nothing done
	TableLost Kind = "commit answer lost" // done, and answered as not known
	TableHang Kind = "table hangs"        // until the caller's time is up; nothing done
)

// What becomes of who calls.
const (
	DiesBefore  Kind = "function dies before a call"
	DiesAfter   Kind = "function dies after a commit"
	ProcessDies Kind = "process dies at a commit" // before or after it, by turns
)

// What a mail service does.
const (
	MailBusy     Kind = "mail rate limited"
	MailQuota    Kind = "mail quota used up"
	MailPaused   Kind = "mail sending paused"
	MailRejected Kind = "mail rejected"
	MailLost     Kind = "mail answer lost"          // sent, and answered as not known
	MailDies     Kind = "sender dies after the yes" // sent, and nobody is left to note it
	MailDiesEre  Kind = "sender dies before the mail"
	MailHang     Kind = "mail service hangs"
	MailSlow     Kind = "mail service slow"
)

// What a key ring does.
const (
	KeysDenied Kind = "key ring denies"
	KeysHang   Kind = "key ring hangs"
)

// What becomes of a batch on its way to a consumer, and of the consumer.
const (
	BatchTenfold  Kind = "batch delivered ten times"
	BatchAtOnce   Kind = "batch delivered to several at once"
	BatchShuffled Kind = "batch shuffled"
	BatchLate     Kind = "old records again"
	ConsumerPanic Kind = "consumer panics"
	ConsumerDies  Kind = "consumer dies after its work"
	ConsumerDown  Kind = "consumer is down"
	ConsumerEmpty Kind = "consumer answers nothing" // which the stream takes for success, though nothing was done
)

// What is not a call's but somebody's who moves the service's world: they are counted here, and made by whoever drives.
const (
	PoisonRecord Kind = "poison record"
	ClockStep    Kind = "clock steps"
	TTLStopped   Kind = "TTL does not run"
	Outage       Kind = "table down for a while"
	Down25Hours  Kind = "consumer down for 25 h"
)
