// Package settings reads what a deployment sets: the environment variables that template.yaml declares.
//
// It promises that a setting which is missing or wrong stops the function at its start, with one line that names it.
package settings

import (
	"errors"
	"fmt"
	"strings"

	"keyfob/internal/token"
)

// Settings are one function's.
type Settings struct {
	Function         string // AWS_LAMBDA_FUNCTION_NAME
	Table            string // TABLE_NAME
	Form             token.Form
	MailFrom         string // MAIL_FROM
	ConfigurationSet string // CONFIGURATION_SET: SES's, or empty
	KeyringKey       string // KEYRING_KEY: KMS's key for what is sealed; empty for a function that neither seals nor opens
	LogLevel         string // LOG_LEVEL
	Origin           string // DASHBOARD_ORIGIN: https://…, or empty where this API serves the dashboard itself
	URL              string // PUBLIC_URL: where people reach the dashboard, without a slash at the end; empty for a function that writes no links
}

// Read reads the settings with getenv, which is os.Getenv in a function.
func Read(getenv func(string) string) (Settings, error) {
	s := Settings{
		Function: getenv("AWS_LAMBDA_FUNCTION_NAME"), Table: getenv("TABLE_NAME"),
		Form:     token.Form{Brand: or(getenv("BRAND"), "kf"), Realm: or(getenv("REALM"), "us")},
		MailFrom: getenv("MAIL_FROM"), ConfigurationSet: getenv("CONFIGURATION_SET"),
		KeyringKey: getenv("KEYRING_KEY"), LogLevel: or(getenv("LOG_LEVEL"), "INFO"), Origin: getenv("DASHBOARD_ORIGIN"),
		URL: strings.TrimRight(getenv("PUBLIC_URL"), "/"),
	}
	if !s.Form.Valid() {
		return Settings{}, errors.New("settings: BRAND is 2 to 8 lower-case letters; REALM is a lower-case letter and 1 to 15 lower-case letters or digits")
	}
	if s.Origin != "" && (!strings.HasPrefix(s.Origin, "https://") || strings.Count(s.Origin, "/") != 2) {
		return Settings{}, fmt.Errorf("settings: DASHBOARD_ORIGIN is an origin such as https://keys.example.com, or empty")
	}
	return s, nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
