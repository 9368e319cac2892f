package account

import (
	"testing"
	"time"

	"keyfob/internal/scope"
	"keyfob/internal/table"
)

// A record from before there were quotas and licences restricts nothing that it did not.
func TestAnOldAccountIsReadAsItWasMeant(t *testing.T) {
	a, err := accountFrom(table.Item{
		"id": table.S("acc_0123456789ABCDEF"), "status": table.S(Active), "issuers": table.S(scope.IssuersEveryone), "defaultLife": table.N(3600),
	})
	want := DefaultPolicy()
	want.Issuers, want.DefaultLife = scope.IssuersEveryone, time.Hour
	if err != nil || a.Policy != want || !a.APIManagement {
		t.Errorf("%+v, %v", a, err)
	}
}
