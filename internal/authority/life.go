package authority

import (
	"fmt"
	"time"

	"keyfob/internal/fault"
	"keyfob/internal/purge"
)

// Unlicensed is how long a token may live in an account that has no licence for longer ones (C3).
const Unlicensed = time.Hour

// life gives the life that is asked for, or the account's default where none is, as far as licence and policy let a
// token that was made at the given time live. The default is never longer than the policy's maximum; what was asked for
// is refused where it is, unless it is to be capped.
func (b basis) life(asked *purge.Life, capped bool, made time.Time) (purge.Life, error) {
	policy := b.account.Policy
	if asked == nil {
		if policy.DefaultLife == 0 {
			return purge.Life{}, fault.Bad("autoPurge", "required", "autoPurge is required: the account's policy has no default.")
		}
		life, err := purge.In(policy.DefaultLife, made)
		if err != nil {
			return purge.Life{}, err
		}
		asked, capped = &life, true
	}
	life := *asked
	refused := func(k fault.Kind, code, message string) error {
		if capped { // nobody has chosen it in this request
			return fault.New(k, code, message)
		}
		return errField(k, lifeField(life), code, message)
	}
	if !b.account.APIManagement && !life.Within(Unlicensed, made) {
		return purge.Life{}, refused(fault.Unlicensed, "license_required", "A token that lives longer than an hour needs the account's API management licence.")
	}
	if policy.MaxLife == 0 || life.Within(policy.MaxLife, made) {
		return life, nil
	}
	if capped {
		cut, err := purge.In(policy.MaxLife, made)
		if !life.PurgeAt.IsZero() {
			cut.PurgeAt = cut.ExpiresAt // it was to be deleted by itself, and still is
		}
		return cut, err
	}
	return purge.Life{}, refused(fault.Unprocessable, "too_long", fmt.Sprintf("The account's policy lets a token live for %d seconds from when it is made.", policy.MaxLife/time.Second))
}

// lifeField names the field by which a life was chosen.
func lifeField(l purge.Life) string {
	switch {
	case l.Auto != "":
		return "autoPurge"
	case l.For != 0:
		return "expiresIn"
	}
	return "expiresAt"
}
