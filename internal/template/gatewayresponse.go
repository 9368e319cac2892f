package template

// A GatewayResponse is how the API answers when it does not come to the function's own answer.
type GatewayResponse struct {
	Type       string
	StatusCode int               // 0 where the type's own is kept
	Headers    map[string]string // expressions: 'static', context.requestId, method.request.header.Origin
	Templates  map[string]string // bodies by content type, with $context.… in them
	Place      string            // of the response in the template
}

// GatewayResponseStatus gives the status API Gateway answers with for each type of gateway response, 0 for the
// two that stand in for the rest.
func GatewayResponseStatus() map[string]int {
	return map[string]int{
		"ACCESS_DENIED": 403, "API_CONFIGURATION_ERROR": 500, "AUTHORIZER_CONFIGURATION_ERROR": 500,
		"AUTHORIZER_FAILURE": 500, "BAD_REQUEST_BODY": 400, "BAD_REQUEST_PARAMETERS": 400, "DEFAULT_4XX": 0,
		"DEFAULT_5XX": 0, "EXPIRED_TOKEN": 403, "INTEGRATION_FAILURE": 504, "INTEGRATION_TIMEOUT": 504,
		"INVALID_API_KEY": 403, "INVALID_SIGNATURE": 403, "MISSING_AUTHENTICATION_TOKEN": 403,
		"QUOTA_EXCEEDED": 429, "REQUEST_TOO_LARGE": 413, "RESOURCE_NOT_FOUND": 404, "THROTTLED": 429,
		"UNAUTHORIZED": 401, "UNSUPPORTED_MEDIA_TYPE": 415, "WAF_FILTERED": 403,
	}
}

func readGatewayResponses(all object) map[string]GatewayResponse {
	known := GatewayResponseStatus()
	out := make(map[string]GatewayResponse, len(all.m))
	for _, kind := range all.keys() {
		if _, ok := known[kind]; !ok {
			all.fail(kind, "API Gateway has no gateway response of this type")
		}
		o := all.object(kind)
		o.only("StatusCode", "ResponseParameters", "ResponseTemplates")
		params := o.object("ResponseParameters")
		params.only("Headers")
		out[kind] = GatewayResponse{
			Type:       kind,
			StatusCode: o.number("StatusCode", 0, 200, 599),
			Headers:    params.table("Headers"),
			Templates:  o.table("ResponseTemplates"),
			Place:      o.place,
		}
	}
	return out
}
