package main

import (
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

// invoke hands the operator function a command from the standard input.
func invoke() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:   "invoke",
		Short: "Hand a deployment's operator function a command",
		Long: "Hand a deployment's operator function a command, a JSON object from the standard input, and print its answer.\n\n" +
			"The exit code is 1 where the function refuses the command, 2 where it could not be carried out.",
		Example: `  echo '{"command":"account.create","account":{"name":"Example Ltd"},"owner":{"email":"owner@example.com"}}' |
    keyfob operator invoke --local http://127.0.0.1:3000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// A command that was carried out and whose answer was lost is not to be carried out again unasked.
			o, err := t.operator(cmd.Context(), aws.NopRetryer{})
			if err != nil {
				return err
			}
			command, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), maxCommand))
			if err != nil {
				return err
			}
			answer, err := o.invoke(cmd.Context(), command)
			if err != nil {
				return err
			}
			_, refused := refused(answer)
			pretty := jsontext.Value(answer)
			_ = pretty.Indent(jsontext.WithIndent("  ")) // what is no JSON is printed as it is
			if _, err := cmd.OutOrStdout().Write(append(pretty, '\n')); err != nil {
				return err
			}
			if refused {
				return errRefused
			}
			return nil
		},
	}
	t.flags(c)
	return c
}

// maxCommand bounds a command: a little more than Lambda takes, so that it says so itself.
const maxCommand = 7 << 20
