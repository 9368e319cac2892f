package template

import (
	"slices"
	"strings"
	"time"
)

// A Function is an AWS::Serverless::Function.
type Function struct {
	LogicalID   string
	Name        string // FunctionName, or the stack's name and the logical id
	CodeURI     string // without "./" before it or "/" after it: "functions/login"
	MemorySize  int    // MiB
	Timeout     time.Duration
	Environment map[string]string
	Concurrency int // ReservedConcurrentExecutions; -1 where none is reserved
	Async       Async

	place  string
	events object
}

// ARN gives the function's name as other services know it.
func (t *Template) ARN(f Function) string {
	return "arn:" + t.Partition + ":lambda:" + t.Region + ":" + t.AccountID + ":function:" + f.Name
}

// What a function's properties may say besides: how it is built, permitted, watched and logged.
var operational = []string{
	"Architectures", "AutoPublishAlias", "AutoPublishAliasAllProperties", "AutoPublishCodeSha256", "CodeSigningConfigArn",
	"DeploymentPreference", "Description", "EphemeralStorage", "FunctionName", "Handler", "KmsKeyArn", "LoggingConfig",
	"PermissionsBoundary", "Policies", "PropagateTags", "RecursiveLoop", "Role", "RolePath", "Runtime",
	"RuntimeManagementConfig", "SourceKMSKeyArn", "Tags", "Tracing", "VersionDescription", "AssumeRolePolicyDocument",
}

func readFunctions(t *Template) error {
	s := t.scope
	globals, err := s.resolve("Globals.Function", s.globals["Function"])
	if err != nil {
		return err
	}
	for _, id := range t.Resources("AWS::Serverless::Function") {
		props, err := t.Properties(id)
		if err != nil {
			return err
		}
		f, err := readFunction(t, id, merge(globals, props))
		if err != nil {
			return err
		}
		t.Functions = append(t.Functions, f)
	}
	return nil
}

func readFunction(t *Template, id string, props any) (Function, error) {
	o := newObject(t.scope, "Resources."+id+".Properties", props)
	o.only(append(slices.Clone(operational),
		"CodeUri", "MemorySize", "Timeout", "Environment", "Events", "EventInvokeConfig", "ReservedConcurrentExecutions")...)
	env := o.object("Environment")
	env.only("Variables")
	f := Function{
		LogicalID:   id,
		Name:        or(o.text("FunctionName"), t.StackName+"-"+id),
		CodeURI:     strings.TrimSuffix(strings.TrimPrefix(o.need("CodeUri"), "./"), "/"),
		MemorySize:  o.number("MemorySize", 128, 128, 10240),
		Timeout:     time.Duration(o.number("Timeout", 3, 1, 900)) * time.Second,
		Environment: env.table("Variables"),
		Concurrency: o.number("ReservedConcurrentExecutions", -1, 0, 1<<20),
		Async:       readAsync(o.object("EventInvokeConfig")),
		place:       o.place,
		events:      o.object("Events"),
	}
	for _, name := range f.events.keys() {
		event := f.events.object(name)
		event.only("Type", "Properties")
		switch kind := event.text("Type"); kind {
		case "Api", "DynamoDB", "Schedule":
		case "SNS": // comes from services that there are none of here
		default:
			event.fail("Type", "the local service knows the events Api, DynamoDB, Schedule and SNS, not "+kind)
		}
	}
	return f, *o.err
}

// each calls read with the properties of every event of the kind, in the order of names.
func (f Function) each(kind string, read func(name string, props object)) {
	for _, name := range f.events.keys() {
		if event := f.events.object(name); event.text("Type") == kind {
			read(name, event.object("Properties"))
		}
	}
}
