package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"keyfob/internal/tokenfile"
)

// importTokens takes over the tokens that another system issued.
func importTokens() *cobra.Command {
	var t target
	var account, file, format string
	var dry bool
	c := &cobra.Command{
		Use:   "import",
		Short: "Take over tokens that another system issued, by their hashes",
		Long: "Take over tokens of the form <id>|<secret> that another system issued, by their hashes, so that they go on working.\n\n" +
			"The file has one token a line: its id there, the SHA-256 of the part after the bar in hexadecimal (hash), its name,\n" +
			"the e-mail address of its owner here (owner), and the time it expires (expiry), empty for never. CSV has a header\n" +
			"with these names, in any order; a line of JSON lines is an object with these members.\n\n" +
			"Lines that are refused are printed, with what is wrong; the others are imported. What was imported before is left\n" +
			"as it is, so an import that was interrupted is simply run again. The exit code is 1 where lines were refused, 2\n" +
			"where the import could not go on.",
		Example: "  keyfob operator import --account acc_EXAMPLEaccount01 --file tokens.csv --dry-run\n" +
			"  keyfob operator import --account acc_EXAMPLEaccount01 --file tokens.csv --function keyfob-OperatorFunction-1A2B3C4D5E",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			im := &importing{account: account, out: cmd.OutOrStdout(), progress: cmd.ErrOrStderr()}
			if !dry {
				if account == "" {
					return errors.New("--account is required")
				}
				o, err := t.operator(cmd.Context(), retry.NewStandard())
				if err != nil {
					return err
				}
				im.operator = o
			}
			f, err := os.Open(file) //#nosec G304 -- the operator names it
			if err != nil {
				return err
			}
			defer func() { _ = f.Close() }()
			format = cmp.Or(format, formats[filepath.Ext(file)])
			if format == "" {
				return errors.New("--format is required: csv or jsonl")
			}
			r, err := tokenfile.NewReader(f, tokenfile.Format(format))
			if err != nil {
				return err
			}
			return im.run(cmd.Context(), r)
		},
	}
	c.Flags().StringVar(&account, "account", "", "the account that the tokens are for, acc_…")
	c.Flags().StringVar(&file, "file", "", "the file of tokens")
	c.Flags().StringVar(&format, "format", "", "csv or jsonl; where not given, as the file's name ends")
	c.Flags().BoolVar(&dry, "dry-run", false, "only say which lines are not of the form, and import nothing")
	_ = c.MarkFlagRequired("file") // there is one of the name
	t.flags(c)
	return c
}

// formats are those that a file's name tells.
var formats = map[string]string{".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}

// importing is one import under way.
type importing struct {
	account       string
	operator      *operator // nil where nothing is to be sent
	out, progress io.Writer

	rows     []tokenfile.Row     // to be sent next
	problems []tokenfile.Problem // to be printed next
	last     int                 // the line that was read last

	imported, unchanged, refused int
	formed                       int // lines well formed, where nothing is to be sent
}

// run imports all that the reader gives, and says what became of it, whatever happens.
func (im *importing) run(ctx context.Context, r *tokenfile.Reader) error {
	err := im.all(ctx, r)
	total := fmt.Sprintf("imported %d, unchanged %d, refused %d", im.imported, im.unchanged, im.refused)
	if im.operator == nil {
		total = fmt.Sprintf("well formed %d, refused %d; nothing was sent", im.formed, im.refused)
	}
	_, printed := fmt.Fprintln(im.out, total)
	switch {
	case err != nil:
		return err
	case printed != nil:
		return printed
	case im.refused > 0:
		return errRefused
	}
	return nil
}

func (im *importing) all(ctx context.Context, r *tokenfile.Reader) error {
	for row, p := range r.Rows() {
		im.last = row.Line
		if p != nil {
			im.problems = append(im.problems, *p)
		} else if _, problems := row.Token(); len(problems) > 0 {
			im.problems = append(im.problems, problems...)
		} else {
			im.rows = append(im.rows, row)
		}
		if len(im.rows) == tokenfile.MaxBatch || len(im.problems) >= tokenfile.MaxBatch {
			if err := im.flush(ctx); err != nil {
				return err
			}
		}
	}
	// What was read before the file failed is well formed all the same.
	return errors.Join(im.flush(ctx), r.Err())
}

// flush sends what was gathered and prints what is wrong with it, in the order of the lines.
func (im *importing) flush(ctx context.Context) error {
	err := im.send(ctx)
	slices.SortStableFunc(im.problems, func(a, b tokenfile.Problem) int { return cmp.Compare(a.Line, b.Line) })
	for i, p := range im.problems {
		if i == 0 || im.problems[i-1].Line != p.Line {
			im.refused++
		}
		if _, err := fmt.Fprintf(im.out, "line %d: %s: %s\n", p.Line, p.Field, p.Message); err != nil {
			return err
		}
	}
	im.problems = im.problems[:0]
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(im.progress, "line %d is done\n", im.last)
	return err
}

// send sends the rows, in as many invocations as the function needs for them.
func (im *importing) send(ctx context.Context) error {
	if im.operator == nil {
		im.formed += len(im.rows)
		im.rows = im.rows[:0]
		return nil
	}
	for len(im.rows) > 0 {
		command, err := json.Marshal(struct {
			Command string          `json:"command"`
			Account string          `json:"account"`
			Rows    []tokenfile.Row `json:"rows"`
		}{"tokens.import", im.account, im.rows})
		if err != nil {
			return err
		}
		answer, err := im.operator.invoke(ctx, command)
		if err != nil {
			return fmt.Errorf("lines %d to %d: %w; run it again to go on", im.rows[0].Line, im.rows[len(im.rows)-1].Line, err)
		}
		if why, refused := refused(answer); refused {
			return errors.New(why)
		}
		var report struct {
			Imported  *int                `json:"imported"`
			Unchanged int                 `json:"unchanged"`
			Refused   []tokenfile.Problem `json:"refused"`
			Next      int                 `json:"next"`
		}
		if err := json.Unmarshal(answer, &report); err != nil || report.Imported == nil {
			return errors.New("the answer is not the operator function's")
		}
		im.imported, im.unchanged = im.imported+*report.Imported, im.unchanged+report.Unchanged
		im.problems = append(im.problems, report.Refused...)
		if report.Next == 0 {
			im.rows = im.rows[:0]
			break
		}
		at := slices.IndexFunc(im.rows, func(r tokenfile.Row) bool { return r.Line == report.Next })
		if at < 1 {
			return errors.New("the answer is not the operator function's")
		}
		im.rows = im.rows[at:]
	}
	return nil
}
