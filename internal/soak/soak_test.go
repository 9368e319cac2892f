package soak

import (
	"strings"
	"testing"
)

// Everybody does everything while everything fails, for a short while. cmd/soak does it for as long as one likes.
func TestAMixedRunKeepsAllPromises(t *testing.T) {
	t.Parallel()
	r, err := Run(t.Context(), Config{Seed: 20261121, Ops: 600, Workers: 8, Dir: t.TempDir(), Template: "../../template.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := r.Write(&table); err != nil {
		t.Fatal(err)
	}
	t.Log(table.String())
	if !r.Kept() {
		t.Errorf("promises were broken with the seed %d", r.Seed)
	}
	if r.Total() < 600 || len(r.Faults) < 8 || r.Owed < 50 || r.Sent < r.Owed || r.Secrets < 50 {
		t.Errorf("too little happened for it to say anything: %d operations, %d kinds of faults, %d notices", r.Total(), len(r.Faults), r.Owed)
	}
}
