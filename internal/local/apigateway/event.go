package apigateway

import (
	"encoding/base64"
	"mime"
	"slices"
	"strconv"
	"strings"
)

// requestTimeFormat is the Common Log Format's.
const requestTimeFormat = "02/Jan/2006:15:04:05 -0700"

// build writes the parts of the events that the authorizer's and the function's have in common.
func (x *exchange) build() {
	b := x.common[:0]
	b = appendMember(b, `"resource":`, x.resource.path)
	b = appendMember(b, `,"path":`, x.path)
	b = appendMember(b, `,"httpMethod":`, x.r.Method)
	b = append(b, `,"headers":`...)
	b = appendSingle(b, x.header, strings.EqualFold)
	b = append(b, `,"multiValueHeaders":`...)
	x.common = appendMulti(b, x.header, strings.EqualFold)

	b = x.queryJSON[:0]
	if len(x.query) > 0 {
		b = append(b, `,"queryStringParameters":`...)
		b = appendSingle(b, x.query, same)
		b = append(b, `,"multiValueQueryStringParameters":`...)
		b = appendMulti(b, x.query, same)
	}
	x.queryJSON = b

	b = x.paramsJSON[:0]
	if len(x.params) > 0 {
		b = append(b, `,"pathParameters":{`...)
		for i, p := range x.params {
			b = appendKey(b, i, p.name)
			b = appendString(b, p.value)
		}
		b = append(b, '}')
	}
	x.paramsJSON = b
	x.buildContext()
}

// buildContext writes the request context without its closing brace, because the function's has one member more.
func (x *exchange) buildContext() {
	c := x.gateway.config
	b := x.contextJSON[:0]
	b = appendMember(b, `,"requestContext":{"resourceId":`, x.route.resourceID)
	b = appendMember(b, `,"resourcePath":`, x.resource.path)
	b = appendMember(b, `,"httpMethod":`, x.r.Method)
	b = appendMember(b, `,"extendedRequestId":`, x.extended)
	b = append(b, `,"requestTime":"`...)
	b = x.now.UTC().AppendFormat(b, requestTimeFormat)
	b = appendMember(b, `","path":`, x.contextPath())
	b = appendMember(b, `,"accountId":`, c.AccountID)
	b = appendMember(b, `,"protocol":`, x.r.Proto)
	b = appendMember(b, `,"stage":`, c.API.Stage)
	b = appendMember(b, `,"domainPrefix":`, x.domainPrefix())
	b = append(b, `,"requestTimeEpoch":`...)
	b = strconv.AppendInt(b, x.now.UnixMilli(), 10)
	b = appendMember(b, `,"requestId":`, x.id)
	b = append(b, `,"identity":{"cognitoIdentityPoolId":null,"accountId":null,"cognitoIdentityId":null,"caller":null`...)
	b = appendMember(b, `,"sourceIp":`, x.sourceIP)
	b = append(b, `,"principalOrgId":null,"accessKey":null,"cognitoAuthenticationType":null,"cognitoAuthenticationProvider":null,"userArn":null,"userAgent":`...)
	if x.userAgent == "" {
		b = append(b, "null"...)
	} else {
		b = appendString(b, x.userAgent)
	}
	b = appendMember(b, `,"user":null},"domainName":`, x.host)
	b = append(b, `,"deploymentId":"local0"`...)
	x.contextJSON = appendMember(b, `,"apiId":`, apiID)
}

// contextPath is the path with the stage in front, as it was sent.
func (x *exchange) contextPath() string { return "/" + x.gateway.config.API.Stage + x.rawPath }

func (x *exchange) domainPrefix() string {
	prefix, _, _ := strings.Cut(x.host, ".")
	return prefix
}

// proxyEvent is what the route's function is invoked with.
func (x *exchange) proxyEvent() []byte {
	size := len(x.common) + len(x.queryJSON) + len(x.paramsJSON) + len(x.contextJSON) + len(x.body)*4/3 + 400
	if x.decision != nil {
		size += len(x.decision.json)
	}
	b := make([]byte, 0, size)
	b = append(b, '{')
	b = append(b, x.common...)
	b = appendOr(b, x.queryJSON, `,"queryStringParameters":null,"multiValueQueryStringParameters":null`)
	b = appendOr(b, x.paramsJSON, `,"pathParameters":null`)
	b = x.appendStageVariables(b, "null")
	b = append(b, x.contextJSON...)
	if x.decision != nil {
		b = append(b, `,"authorizer":{`...)
		b = append(b, x.decision.json...)
		b = append(b, `"integrationLatency":`...)
		b = strconv.AppendInt(b, x.latency, 10)
		b = append(b, '}')
	}
	b = append(b, `},"body":`...)
	encoded := false
	switch {
	case len(x.body) == 0:
		b = append(b, "null"...)
	case x.isBinary(x.headerValue("Content-Type")):
		encoded = true
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, x.body)
		b = append(b, '"')
	default:
		b = appendString(b, x.body)
	}
	b = append(b, `,"isBase64Encoded":`...)
	b = strconv.AppendBool(b, encoded)
	return append(b, '}')
}

// authorizerEvent is what a REQUEST authorizer is invoked with. Where the function's event says null it has {}.
func (x *exchange) authorizerEvent() []byte {
	b := make([]byte, 0, len(x.common)+len(x.queryJSON)+len(x.paramsJSON)+len(x.contextJSON)+len(x.path)+400)
	b = appendMember(b, `{"type":"REQUEST","methodArn":`, x.methodARN)
	b = append(b, ',')
	b = append(b, x.common...)
	b = appendOr(b, x.queryJSON, `,"queryStringParameters":{},"multiValueQueryStringParameters":{}`)
	b = appendOr(b, x.paramsJSON, `,"pathParameters":{}`)
	b = x.appendStageVariables(b, "{}")
	b = append(b, x.contextJSON...)
	return append(b, "}}"...)
}

// tokenEvent is what a TOKEN authorizer is invoked with.
func (x *exchange) tokenEvent(credential string) []byte {
	b := appendMember(nil, `{"type":"TOKEN","methodArn":`, x.methodARN)
	b = appendMember(b, `,"authorizationToken":`, credential)
	return append(b, '}')
}

func (x *exchange) appendStageVariables(b []byte, none string) []byte {
	b = append(b, `,"stageVariables":`...)
	variables := x.gateway.config.API.Variables
	if len(variables) == 0 {
		return append(b, none...)
	}
	names := make([]string, 0, len(variables))
	for name := range variables {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		b = appendKey(b, i, name)
		b = appendString(b, variables[name])
	}
	return append(b, '}')
}

// isBinary reports whether a media type is one of the API's binary ones.
func (x *exchange) isBinary(contentType string) bool {
	kind := ""
	for i, pattern := range x.gateway.binary {
		if pattern == "*/*" {
			return true
		}
		if i == 0 {
			kind, _, _ = mime.ParseMediaType(contentType)
		}
		if strings.EqualFold(pattern, kind) {
			return true
		}
		if family, ok := strings.CutSuffix(pattern, "/*"); ok && strings.HasPrefix(kind, strings.ToLower(family)+"/") {
			return true
		}
	}
	return false
}
