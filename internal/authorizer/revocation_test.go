package authorizer_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"keyfob/internal/audit"
)

// P1: who presents a credential to have it revoked has it revoked for good, also while its user may not act: it would be
// accepted again afterwards.
func TestP1WhatIsPresentedToBeRevokedDoesNotComeBack(t *testing.T) {
	s := newScene(t, openBolt(t))
	for _, d := range []deed{disable, present, enable} {
		if _, err := s.act(d, 0); err != nil {
			t.Fatal(d, err)
		}
	}
	if allowed, err := s.judge().allows(t.Context(), s.credentials[0]); err != nil || allowed {
		t.Errorf("it was revoked while its user was disabled, and with the user it has come back: %v", err)
	}
}

// P1: of a thousand validations that race a revocation, none succeeds that began after it was acknowledged.
func TestP1NoneOfAThousandValidationsSucceedsAfterTheRevocation(t *testing.T) {
	for name, open := range map[string]opener{"bolt": openBolt, "DynamoDB": openDynamo} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, open(t))
			judges := [2]judge{s.judge(), s.judge()}
			var acknowledged atomic.Bool
			var begun, allowed, after atomic.Int64
			var wg sync.WaitGroup
			ready := sync.OnceFunc(func() {
				wg.Go(func() {
					if err := s.authority().Revoke(context.WithoutCancel(t.Context()), s.owner, audit.ViaAPI, audit.Origin{}, "tok_"+s.ids[0].String()); err != nil {
						t.Error(err)
					}
					acknowledged.Store(true)
				})
			})
			for client := range 8 {
				wg.Go(func() {
					for begun.Add(1) <= 1000 || after.Load() < 200 && !t.Failed() {
						late := acknowledged.Load()
						ok, err := judges[client%2].allows(t.Context(), s.credentials[0])
						if err != nil {
							t.Error(err)
						}
						if late {
							after.Add(1)
						}
						switch {
						case ok && late:
							t.Error("one that began after the acknowledgement was allowed")
						case ok && allowed.Add(1) == 200:
							ready()
						}
					}
				})
			}
			wg.Wait()
			t.Logf("%d validations: %d allowed, %d began after the acknowledgement", begun.Load(), allowed.Load(), after.Load())
		})
	}
}
