package template_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/template"
)

// sweep is a function that runs by the clock; $ stands for more of its event's properties, % for more of its own.
const sweep = `
Resources:
  SweepFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/sweep
      EventInvokeConfig: {%}
      Events:
        Every:
          Type: Schedule
          Properties: {$}
  Failures: {Type: AWS::S3::Bucket}
`

func parseSweep(event, async string) (*template.Template, error) {
	text := strings.NewReplacer("$", event, "%", async).Replace(sweep)
	return template.Parse("t.yaml", []byte(text), template.Options{})
}

func TestAScheduleIsReadWhole(t *testing.T) {
	const place = "Resources.SweepFunction.Properties.Events.Every.Properties"
	for event, want := range map[string]template.Schedule{
		"Schedule: rate(1 minute)":                                  {Every: time.Minute, Enabled: true},
		"Schedule: rate(5 minutes), Enabled: false":                 {Every: 5 * time.Minute},
		"Schedule: rate(12 hours), State: DISABLED":                 {Every: 12 * time.Hour},
		"Schedule: rate(1 hour), State: ENABLED":                    {Every: time.Hour, Enabled: true},
		"Schedule: rate(7 days), Name: weekly, Description: Weekly": {Every: 7 * 24 * time.Hour, Enabled: true, Name: "weekly"},
		`Schedule: rate(1 day), Input: '{"all":true}', RetryPolicy: {MaximumRetryAttempts: 5, MaximumEventAgeInSeconds: 900}, DeadLetterConfig: {Type: SQS}`: {
			Every: 24 * time.Hour, Enabled: true, Input: `{"all":true}`},
	} {
		got, err := parseSweep(event, "")
		if err != nil {
			t.Errorf("%s: %v", event, err)
			continue
		}
		want.Function, want.Place = "SweepFunction", place
		if want.Name == "" {
			want.Name = "keyfob-SweepFunctionEvery"
		}
		if diff := cmp.Diff([]template.Schedule{want}, got.Schedules); diff != "" {
			t.Errorf("%s:\n%s", event, diff)
		}
	}
	got, err := parseSweep("Schedule: rate(1 minute)", "")
	if err != nil || got.RuleARN(got.Schedules[0]) != "arn:aws:events:us-east-1:123456789012:rule/keyfob-SweepFunctionEvery" {
		t.Errorf("rule %s, %v", got.RuleARN(got.Schedules[0]), err)
	}
}

func TestWhatBecomesOfAnEventIsRead(t *testing.T) {
	for async, want := range map[string]template.Async{
		"":                        {Retries: 2, MaxAge: 6 * time.Hour},
		"MaximumRetryAttempts: 0": {Retries: 0, MaxAge: 6 * time.Hour},
		"MaximumEventAgeInSeconds: 60, DestinationConfig: {OnFailure: {Type: S3Bucket, Destination: !GetAtt Failures.Arn}}": {
			Retries: 2, MaxAge: time.Minute, OnFailure: "${Failures.Arn}"},
	} {
		got, err := parseSweep("Schedule: rate(1 minute)", async)
		if err != nil {
			t.Errorf("%s: %v", async, err)
			continue
		}
		if diff := cmp.Diff(want, got.Functions[0].Async); diff != "" {
			t.Errorf("%s:\n%s", async, diff)
		}
	}
}

func TestAScheduleThatCannotBeHonouredIsAnErrorThatNamesThePlace(t *testing.T) {
	const events, own = "Resources.SweepFunction.Properties.Events.Every.Properties", "Resources.SweepFunction.Properties.EventInvokeConfig"
	for _, test := range []struct{ event, async, place, reason string }{
		{"Name: none", "", events + ".Schedule", "missing"},
		{"Schedule: cron(0 12 * * ? *)", "", events + ".Schedule", "rates"},
		{"Schedule: rate(1 minutes)", "", events + ".Schedule", "rates"},
		{"Schedule: rate(5 minute)", "", events + ".Schedule", "rates"},
		{"Schedule: rate(0 minutes)", "", events + ".Schedule", "rates"},
		{"Schedule: rate(30 seconds)", "", events + ".Schedule", "rates"},
		{"Schedule: rate(999999 days)", "", events + ".Schedule", "rates"},
		{"Schedule: rate(1 minute), Input: all", "", events + ".Input", "not JSON"},
		{"Schedule: rate(1 minute), State: PAUSED", "", events + ".State", "ENABLED"},
		{"Schedule: rate(1 minute), State: DISABLED, Enabled: true", "", events + ".State", "either"},
		{"Schedule: rate(1 minute), Timezone: UTC", "", events + ".Timezone", "cannot honour"},
		{"Schedule: rate(1 minute)", "MaximumRetryAttempts: 3", own + ".MaximumRetryAttempts", "0 to 2"},
		{"Schedule: rate(1 minute)", "MaximumEventAgeInSeconds: 59", own + ".MaximumEventAgeInSeconds", "60 to 21600"},
		{"Schedule: rate(1 minute)", "DestinationConfig: {OnSuccess: {Type: SQS}}", own + ".DestinationConfig.OnSuccess", "cannot honour"},
	} {
		_, err := parseSweep(test.event, test.async)
		e, ok := errors.AsType[*template.Error](err)
		if !ok || e.Place != test.place || !strings.Contains(e.Reason, test.reason) || e.Line == 0 || e.File != "t.yaml" {
			t.Errorf("%s %s: %v", test.event, test.async, err)
		}
	}
}
