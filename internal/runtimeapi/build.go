package runtimeapi

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build compiles the main package into a file named bootstrap in the folder dir, in the way the deployed ones are
// compiled but for this machine, and gives the file's path. The package is named by import path, or by folder
// relative to the working directory.
func Build(ctx context.Context, pkg, dir string) (string, error) {
	binary := filepath.Join(dir, "bootstrap")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", binary, pkg) //#nosec G204 -- building the caller's package is what this is for
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("runtimeapi: build %s: %w\n%s", pkg, err, out)
	}
	return binary, nil
}
