// Keyfob is the operators' command-line tool.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	os.Exit(exit(err, os.Stderr))
}

// errRefused says that what was asked for, or a part of it, was refused; the command has said what and why.
var errRefused = errors.New("refused")

// exit tells what went wrong, and gives the exit code: 1 where something was refused, 2 where it could not be done.
func exit(err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errRefused):
		return 1
	}
	_, _ = fmt.Fprintln(stderr, "keyfob:", err)
	return 2
}

// group is a command that only holds others. What is none of them is an error, not a request for help.
func group(use, short string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
}

// command is the tree of commands.
func command() *cobra.Command {
	root := &cobra.Command{
		Use: "keyfob", Short: "API tokens as a service, on your own AWS account",
		SilenceUsage: true, SilenceErrors: true,
	}
	operator := group("operator", "What the operators of a deployment do")
	table := group("table", "The table a deployment keeps everything in")
	table.AddCommand(createTable())
	operator.AddCommand(table, importTokens(), invoke(), redrive())
	root.AddCommand(operator)
	return root
}
