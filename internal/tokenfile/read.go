package tokenfile

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of a file.
const (
	MaxLine = 8 << 10 // bytes of a line
	MaxRows = 1_000_000
)

// A Format is how a file writes its rows.
type Format string

// The formats.
const (
	CSV   Format = "csv"   // RFC 4180, with a header; a field does not go over the end of its line
	JSONL Format = "jsonl" // one JSON object a line
)

// columns are the fields, by the names that headers and members have.
var columns = []string{"id", "hash", "name", "owner", "expiry"}

// field gives where the row keeps a column.
func (r *Row) field(column string) *string {
	switch column {
	case "id":
		return &r.ID
	case "hash":
		return &r.Hash
	case "name":
		return &r.Name
	case "owner":
		return &r.Owner
	}
	return &r.Expiry
}

// A Reader reads the rows of a file.
type Reader struct {
	in     *bufio.Reader
	format Format
	header []string // of CSV
	csv    *bufio.Reader
	line   int
	rows   int
	err    error
}

// NewReader makes a reader of a file in the format. The error is one of CSV's header, or of reading it.
func NewReader(in io.Reader, format Format) (*Reader, error) {
	r := &Reader{in: bufio.NewReaderSize(in, MaxLine+2), format: format, csv: bufio.NewReader(nil)}
	switch format {
	case JSONL:
		return r, nil
	case CSV:
		return r, r.readHeader()
	}
	return nil, fmt.Errorf("tokenfile: there is no format %q", string(format))
}

// Err gives what ended the reading before the end of the file; nil where nothing did.
func (r *Reader) Err() error { return r.err }

// Rows gives the rows in their order, once. Where a line is none of the form, it gives the problem and a row of nothing
// but the line's number. Empty lines count and are passed over.
func (r *Reader) Rows() iter.Seq2[Row, *Problem] {
	return func(yield func(Row, *Problem) bool) {
		for {
			line, long, ok := r.next()
			if !ok {
				return
			}
			if len(line) == 0 && !long {
				continue
			}
			if r.rows++; r.rows > MaxRows {
				r.err = fmt.Errorf("the file has more than %d rows, the first too many in line %d", MaxRows, r.line)
				return
			}
			row, p := Row{Line: r.line}, (*Problem)(nil)
			switch {
			case long:
				p = r.bad("too_long", fmt.Sprintf("The line has more than %d bytes.", MaxLine))
			case r.format == CSV:
				p = r.fromCSV(&row, line)
			default:
				p = r.fromJSON(&row, line)
			}
			if p != nil {
				row = Row{Line: r.line}
			}
			if !yield(row, p) {
				return
			}
		}
	}
}

func (r *Reader) bad(code, message string) *Problem { return &Problem{r.line, "line", code, message} }

var byteOrderMark = []byte("\uFEFF")

// next gives the next line without its end, or says that it is too long and passes over it.
func (r *Reader) next() (line []byte, long, ok bool) {
	line, err := r.in.ReadSlice('\n')
	for r.line++; errors.Is(err, bufio.ErrBufferFull); _, err = r.in.ReadSlice('\n') {
		long = true
	}
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
		return nil, false, false
	}
	if long {
		return nil, true, true
	}
	if len(line) == 0 { // the end; an empty line has its own
		return nil, false, false
	}
	if r.line == 1 {
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	return line, len(line) > MaxLine, true
}

func (r *Reader) readHeader() error {
	line, long, ok := r.next()
	if r.err != nil {
		return r.err
	}
	if long || !ok {
		return errors.New("line 1 is not a header of the columns id, hash, name, owner and expiry")
	}
	header, err := r.split(line)
	if err != nil {
		return errors.New("line 1 is not a header of the columns id, hash, name, owner and expiry")
	}
	for i, column := range header {
		header[i] = strings.TrimSpace(column)
		if !slices.Contains(columns, header[i]) || slices.Contains(header[:i], header[i]) {
			return fmt.Errorf("column %d of the header is none of id, hash, name, owner and expiry, or one of them again", i+1)
		}
	}
	for _, column := range columns[:4] {
		if !slices.Contains(header, column) {
			return fmt.Errorf("the header has no column %s", column)
		}
	}
	r.header = header
	return nil
}

// split takes a line of CSV apart. A line by itself, so that a quote nobody closes costs that line and no other.
func (r *Reader) split(line []byte) ([]string, error) {
	r.csv.Reset(bytes.NewReader(line))
	c := csv.NewReader(r.csv)
	c.FieldsPerRecord = -1
	return c.Read()
}

func (r *Reader) fromCSV(row *Row, line []byte) *Problem {
	fields, err := r.split(line)
	if err != nil {
		return r.bad("malformed", "The line is not CSV.")
	}
	if len(fields) != len(r.header) {
		return r.bad("malformed", fmt.Sprintf("The line has %d fields, and the header %d.", len(fields), len(r.header)))
	}
	for i, column := range r.header {
		*row.field(column) = fields[i]
	}
	return nil
}

// fromJSON reads an object. An id may be a whole number, as databases write it; an expiry may be null.
func (r *Reader) fromJSON(row *Row, line []byte) *Problem {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(line, &members); err != nil || members == nil {
		return r.bad("malformed", "The line is not a JSON object with each member once.")
	}
	for _, column := range columns {
		v, there := members[column]
		if delete(members, column); !there {
			continue // an empty one says what it lacks
		}
		switch to := row.field(column); {
		case v.Kind() == '"':
			_ = json.Unmarshal(v, to) // it was read as a text before
		case column == "id" && v.Kind() == '0' && !bytes.ContainsAny(v, "-.eE"):
			*to = v.String()
		case column == "expiry" && v.Kind() == 'n':
		default:
			return &Problem{r.line, column, "wrong_type", column + " is not a text."}
		}
	}
	if len(members) > 0 {
		return r.bad("unknown_field", "The line has a member that is none of id, hash, name, owner and expiry.")
	}
	return nil
}
