// Keyfob is the operators' command-line tool.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "keyfob:", err)
		os.Exit(1)
	}
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
	operator.AddCommand(table)
	root.AddCommand(operator)
	return root
}
