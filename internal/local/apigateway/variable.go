package apigateway

import (
	"strconv"
	"strings"
)

// isVariable reports whether an expression names something that can be put into a gateway response here.
func isVariable(expression string) bool {
	if name, ok := strings.CutPrefix(expression, "context."); ok {
		if _, ok := strings.CutPrefix(name, "error."); ok {
			return errorVariables[name]
		}
		return contextVariables[name] || strings.HasPrefix(name, "authorizer.")
	}
	for _, prefix := range []string{"method.request.header.", "method.request.querystring.", "method.request.path.", "stageVariables."} {
		if strings.HasPrefix(expression, prefix) {
			return true
		}
	}
	return false
}

var errorVariables = map[string]bool{
	"error.message": true, "error.messageString": true, "error.responseType": true, "error.validationErrorString": true,
}

var contextVariables = map[string]bool{
	"accountId": true, "apiId": true, "deploymentId": true, "domainName": true, "domainPrefix": true,
	"extendedRequestId": true, "httpMethod": true, "identity.sourceIp": true, "identity.userAgent": true,
	"path": true, "protocol": true, "requestId": true, "requestTime": true, "requestTimeEpoch": true,
	"resourceId": true, "resourcePath": true, "stage": true,
}

// variable gives a $context variable, and whether it has a value in this exchange.
func (x *exchange) variable(name string) (string, bool) {
	switch name {
	case "accountId":
		return x.gateway.config.AccountID, true
	case "apiId":
		return apiID, true
	case "deploymentId":
		return "local0", true
	case "domainName":
		return x.host, true
	case "domainPrefix":
		return x.domainPrefix(), true
	case "extendedRequestId":
		return x.extended, true
	case "httpMethod":
		return x.r.Method, true
	case "identity.sourceIp":
		return x.sourceIP, true
	case "identity.userAgent":
		return x.userAgent, x.userAgent != ""
	case "path":
		return x.contextPath(), true
	case "protocol":
		return x.r.Proto, true
	case "requestId":
		return x.id, true
	case "requestTime":
		return x.now.UTC().Format(requestTimeFormat), true
	case "requestTimeEpoch":
		return strconv.FormatInt(x.now.UnixMilli(), 10), true
	case "resourceId":
		if x.route != nil {
			return x.route.resourceID, true
		}
	case "resourcePath":
		if x.resource != nil {
			return x.resource.path, true
		}
	case "stage":
		return x.gateway.config.API.Stage, true
	}
	return "", false
}

// substitute gives the value of a variable in a gateway response, empty where it has none. API Gateway puts it in
// as it is: only error.messageString is made fit for JSON.
func (x *exchange) substitute(expression string, f *failure) string {
	switch expression {
	case "context.error.message":
		return f.message
	case "context.error.messageString":
		return f.messageString()
	case "context.error.responseType":
		return f.kind
	case "context.error.validationErrorString":
		return ""
	}
	where, name, _ := strings.Cut(expression, ".")
	switch where {
	case "context":
		if key, ok := strings.CutPrefix(name, "authorizer."); ok {
			return x.authorizerValue(key)
		}
		v, _ := x.variable(name)
		return v
	case "stageVariables":
		return x.gateway.config.API.Variables[name]
	}
	_, name, _ = strings.Cut(name, ".") // of method.request.header.Origin what follows request
	in, name, _ := strings.Cut(name, ".")
	switch in {
	case "header":
		return x.headerValue(name)
	case "querystring":
		for i := len(x.query) - 1; i >= 0; i-- {
			if x.query[i].Name == name {
				return x.query[i].Value
			}
		}
	case "path":
		for _, p := range x.params {
			if p.name == name {
				return p.value
			}
		}
	}
	return ""
}

// authorizerValue gives what the authorizer put into its context.
func (x *exchange) authorizerValue(key string) string {
	if x.decision == nil {
		return ""
	}
	if key == "integrationLatency" {
		return strconv.FormatInt(x.latency, 10)
	}
	return x.decision.value(key)
}
