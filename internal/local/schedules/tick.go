package schedules

import (
	"encoding/json"
	"time"

	"keyfob/internal/local/lambdahost"
)

// A tick is when a rule is next due.
type tick struct {
	rule *Rule
	next time.Time
}

// pass puts the tick past now and gives the last time that it was due. There is at least one.
func (k *tick) pass(now time.Time) time.Time {
	last := k.next.Add(now.Sub(k.next) / k.rule.Every * k.rule.Every)
	k.next = last.Add(k.rule.Every)
	return last
}

// scheduled is EventBridge's event of a scheduled rule.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events.html
type scheduled struct {
	Version    string   `json:"version"`
	ID         string   `json:"id"`
	DetailType string   `json:"detail-type"`
	Source     string   `json:"source"`
	Account    string   `json:"account"`
	Time       string   `json:"time"`
	Region     string   `json:"region"`
	Resources  []string `json:"resources"`
	Detail     struct{} `json:"detail"`
}

// event makes the event of a rule that was due at the time.
func (t *Timetable) event(r *Rule, at time.Time) *event {
	now := t.config.Now()
	e := &event{rule: r, id: lambdahost.NewRequestID(), payload: []byte(r.Input), queued: now, due: now}
	if r.Input == "" {
		e.payload, _ = json.Marshal(scheduled{ // a struct of texts can be written
			Version: "0", ID: lambdahost.NewRequestID(), DetailType: "Scheduled Event", Source: "aws.events",
			Account: t.config.AccountID, Time: at.UTC().Format(time.RFC3339), Region: t.config.Region, Resources: []string{r.ARN},
		})
	}
	return e
}
