package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"keyfob/internal/givenup"
)

// redrive hands what Lambda gave up to its functions once more.
func redrive() *cobra.Command {
	var bucket, local, prefix, function string
	var dry bool
	c := &cobra.Command{
		Use:   "redrive",
		Short: "Hand what was given up to its functions once more",
		Long: "Hand what was given up to its functions once more, oldest first: changes of the table and scheduled events that failed until\n" +
			"they were too old or had been tried too often. What then succeeds is deleted from the bucket; what fails is kept, and the\n" +
			"next one tried. What comes twice does no harm, so a run that was interrupted is simply run again.\n\n" +
			"One line is printed for each, never what is in it. The exit code is 1 where something was kept or cannot be read, 2 where it\n" +
			"could not go on.",
		Example: "  keyfob operator redrive --bucket keyfob-failuresstack-1A2B3C4D5E-failures-1a2b3c4d5e --dry-run\n" +
			"  keyfob operator redrive --local http://127.0.0.1:3000",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if bucket == "" && local == "" {
				return errors.New("one of --bucket and --local is required")
			}
			r := &redriving{function: function, out: cmd.OutOrStdout()}
			var err error
			if r.failures, err = openFailures(cmd.Context(), bucket, local); err != nil {
				return err
			}
			if !dry {
				if r.functions, err = functions(cmd.Context(), local, retry.NewStandard()); err != nil {
					return err
				}
			}
			return r.run(cmd.Context(), prefix)
		},
	}
	c.Flags().StringVar(&bucket, "bucket", "", "the bucket, as the stack's output FailuresBucketName gives it")
	c.Flags().StringVar(&local, "local", "", "instead: where a service started with cmd/local is, such as http://127.0.0.1:3000")
	c.Flags().StringVar(&prefix, "prefix", "aws/lambda/", "only what has a key that starts like this")
	c.Flags().StringVar(&function, "function", "", "the name or ARN of the function to hand it to, where not the one that failed")
	c.Flags().BoolVar(&dry, "dry-run", false, "only say what there is, and hand it to nobody")
	c.MarkFlagsMutuallyExclusive("bucket", "local")
	return c
}

// redriving is one run under way.
type redriving struct {
	failures  *failures
	functions *lambda.Client // nil where nothing is to be sent
	function  string         // empty for the one that failed
	out       io.Writer

	found, redriven, kept int
}

// run deals with all that there is, and says what became of it, whatever happens.
func (r *redriving) run(ctx context.Context, prefix string) error {
	keys, err := r.failures.list(ctx, prefix)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		_, err := fmt.Fprintln(r.out, "there is nothing that was given up")
		return err
	}
	for _, key := range keys {
		if err = r.one(ctx, key); err != nil {
			break
		}
	}
	total := fmt.Sprintf("redriven %d, kept %d", r.redriven, r.kept)
	if r.functions == nil {
		total = fmt.Sprintf("found %d, unreadable %d; nothing was sent", r.found, r.kept)
	}
	_, printed := fmt.Fprintln(r.out, total)
	switch {
	case err != nil:
		return err
	case printed != nil:
		return printed
	case r.kept > 0:
		return errRefused
	}
	return nil
}

// one deals with one object. The error says that nothing more can be done.
func (r *redriving) one(ctx context.Context, key string) error {
	data, err := r.failures.read(ctx, key)
	if errors.Is(err, errGone) {
		return r.say(key, err.Error())
	}
	if errors.Is(err, errLarge) {
		return r.keep(key, "it cannot be read: "+err.Error())
	}
	if err != nil {
		return err
	}
	f, err := givenup.Parse(data)
	if err != nil {
		return r.keep(key, "it cannot be read: "+err.Error())
	}
	if r.functions == nil {
		r.found++
		name := f.Function[strings.Index(f.Function, ":function:")+len(":function:"):]
		return r.say(key, fmt.Sprintf("%s, %s, %s, given up at %s", name, f.Condition, count(f.Records), f.At.UTC().Format(time.RFC3339)))
	}
	why, err := r.hand(ctx, f)
	if ctx.Err() != nil {
		return errors.New(printable(key) + ": interrupted; whether it was done is not known, and it is still there; run it again")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", printable(key), err)
	}
	if why != "" {
		return r.keep(key, why)
	}
	if err := r.failures.delete(ctx, key); err != nil {
		return fmt.Errorf("%s: it is done, but could not be deleted: %w", printable(key), err)
	}
	r.redriven++
	return r.say(key, "redriven, "+count(f.Records))
}

// maxPayload is the number of bytes that Lambda takes in one synchronous invocation; it says so itself of a few less.
const maxPayload = 6<<20 + 100

// hand invokes the function with what it could not do. It says why not all of that is done now, and nothing where it is. The
// error says that nothing more can be done.
func (r *redriving) hand(ctx context.Context, f givenup.Failure) (why string, err error) {
	const large = "it is larger than a function is invoked with"
	if len(f.Payload) > maxPayload {
		return large, nil
	}
	name := cmp.Or(r.function, f.Function)
	out, err := r.functions.Invoke(ctx, &lambda.InvokeInput{FunctionName: &name, Payload: f.Payload})
	if errors.As(err, new(*types.ResourceNotFoundException)) {
		return "there is no such function any more; --function names another", nil
	}
	if errors.As(err, new(*types.RequestTooLargeException)) {
		return large, nil
	}
	if err != nil {
		return "", err
	}
	if out.FunctionError != nil {
		return "the function failed" + kind(out.Payload) + "; its log says why", nil
	}
	outstanding, err := f.Outstanding(out.Payload)
	switch {
	case err != nil:
		return "whether it is done is not known: " + err.Error(), nil
	case len(outstanding) > 0:
		return fmt.Sprintf("%d of %s failed: %s", len(outstanding), count(f.Records), strings.Join(outstanding, " ")), nil
	}
	return "", nil
}

// kind gives the type of the error that a function failed with. The error itself stays in the function's log: it may be about
// what is in the payload.
func kind(answer []byte) string {
	var failure struct {
		Type string `json:"errorType"`
	}
	if json.Unmarshal(answer, &failure) != nil || failure.Type == "" || len(failure.Type) > 64 {
		return ""
	}
	return " (" + printable(failure.Type) + ")"
}

func (r *redriving) keep(key, why string) error {
	r.kept++
	return r.say(key, "kept: "+why)
}

func (r *redriving) say(key, what string) error {
	_, err := fmt.Fprintf(r.out, "%s: %s\n", printable(key), what)
	return err
}

func count(records int) string {
	if records == 1 {
		return "1 record"
	}
	return strconv.Itoa(records) + " records"
}

// printable writes a text that others chose so that it is one line and moves no cursor.
func printable(s string) string {
	if q := strconv.QuoteToASCII(s); q != `"`+s+`"` {
		return q
	}
	return s
}
