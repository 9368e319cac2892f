// Package template reads a SAM template and gives a typed view of the part of it that decides how the service
// behaves: functions, the API with its routes, authorizers and gateway responses, and the stream mappings.
//
// It promises that what it gives is what a deployment would have (Globals merged, intrinsic functions resolved,
// SAM's and the services' own defaults filled in), and that a property which changes the behaviour in a way the
// view cannot express is an error that names the file, the line and the property, never silently left out.
// What only concerns the running of things on AWS (policies, tags, logging, alarms, throttling) is left out on
// purpose.
//
// It is not a validator of templates: cfn-lint is. It resolves nothing that only a deployment knows; such a
// value becomes a stable placeholder, "${Table.StreamArn}", and a resource's Ref its logical id.
package template

import (
	"fmt"
	"os"
	"slices"
)

// Options say in which deployment the template is read. The zero value is a plausible one.
type Options struct {
	Parameters map[string]string // overrides of the parameters' defaults
	Region     string            // AWS::Region; us-east-1 where empty
	AccountID  string            // AWS::AccountId; 123456789012 where empty
	StackName  string            // AWS::StackName; keyfob where empty
	Partition  string            // AWS::Partition; aws where empty
}

// A Template is a template that has been read.
type Template struct {
	Functions []Function // ordered by logical id
	API       *API       // nil where there is none
	Streams   []Stream   // ordered by function and name
	Schedules []Schedule // ordered by function and name

	Region    string
	AccountID string
	StackName string
	Partition string

	scope *scope
}

// An Error says what in a template cannot be used, and where.
type Error struct {
	File   string
	Line   int    // 0 where it is not known
	Place  string // the path to the property: "Resources.Api.Properties.Cors"; empty for the whole file
	Reason string
}

func (e *Error) Error() string {
	at := e.File
	if e.Line > 0 {
		at = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	if e.Place == "" {
		return at + ": " + e.Reason
	}
	return at + ": " + e.Place + ": " + e.Reason
}

// Load reads the template in the file. An error is an *Error, or one of the file system's.
func Load(path string, o Options) (*Template, error) {
	data, err := os.ReadFile(path) //#nosec G304 -- the operator names the file
	if err != nil {
		return nil, err
	}
	return Parse(path, data, o)
}

// Parse reads a template. The name stands for the file in errors, which are all an *Error.
func Parse(name string, data []byte, o Options) (*Template, error) {
	tree, lines, err := parseTree(name, data)
	if err != nil {
		return nil, err
	}
	t := &Template{
		Region: or(o.Region, "us-east-1"), AccountID: or(o.AccountID, "123456789012"),
		StackName: or(o.StackName, "keyfob"), Partition: or(o.Partition, "aws"),
	}
	if t.scope, err = newScope(name, tree, lines, t, o.Parameters); err != nil {
		return nil, err
	}
	for _, read := range []func(*Template) error{readFunctions, readAPI, readMappings, readSchedules} {
		if err := read(t); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Properties gives the resolved properties of the resource, nil where it has none, for what the typed view does
// not cover. The error says that there is no such resource or that a property cannot be resolved.
func (t *Template) Properties(logicalID string) (map[string]any, error) {
	r, ok := t.scope.resources[logicalID]
	if !ok {
		return nil, t.scope.errorAt("Resources."+logicalID, "there is no such resource")
	}
	v, err := t.scope.resolve(r.place+".Properties", r.properties)
	if err != nil {
		return nil, err
	}
	m, _ := v.(map[string]any)
	return m, nil
}

// Type gives the resource's type, empty where there is no such resource.
func (t *Template) Type(logicalID string) string {
	return t.scope.resources[logicalID].kind
}

// Resources lists the logical ids of the resources of a type, ordered.
func (t *Template) Resources(kind string) []string {
	var ids []string
	for id, r := range t.scope.resources {
		if r.kind == kind {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Function gives the function with the logical id.
func (t *Template) Function(logicalID string) (Function, bool) {
	for _, f := range t.Functions {
		if f.LogicalID == logicalID {
			return f, true
		}
	}
	return Function{}, false
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
