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

// command is the tree of commands.
func command() *cobra.Command {
	root := &cobra.Command{
		Use: "keyfob", Short: "API tokens as a service, on your own AWS account",
		SilenceUsage: true, SilenceErrors: true,
	}
	operator := &cobra.Command{Use: "operator", Short: "What the operators of a deployment do"}
	table := &cobra.Command{Use: "table", Short: "The table a deployment keeps everything in"}
	table.AddCommand(createTable())
	operator.AddCommand(table)
	root.AddCommand(operator)
	return root
}
