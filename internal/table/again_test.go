package table

import (
	"context"
	"errors"
	"testing"

	"keyfob/internal/fault"
)

func TestAChangeIsMadeAgainForAsLongAsItCollides(t *testing.T) {
	n := 0
	if err := Again(t.Context(), Hasty, func() error {
		if n++; n < 5 {
			return &Conflict{}
		}
		return nil
	}); err != nil || n != 5 {
		t.Errorf("%d tries, %v", n, err)
	}
	n = 0
	other := errors.New("other")
	if err := Again(t.Context(), Hasty, func() error { n++; return other }); !errors.Is(err, other) || n != 1 {
		t.Errorf("%d tries, %v", n, err)
	}
	n = 0
	if err := Again(t.Context(), Hasty, func() error { n++; return &Conflict{} }); !fault.Is(err, fault.Unavailable) || n != attempts {
		t.Errorf("%d tries, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n = 0
	if err := Again(ctx, Patient, func() error { n++; cancel(); return &Conflict{} }); !fault.Is(err, fault.Unavailable) || n != 1 {
		t.Errorf("%d tries, %v", n, err)
	}
}
