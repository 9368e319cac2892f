package api_test

import (
	"slices"
	"strings"
	"testing"

	"keyfob/internal/api"
	"keyfob/internal/gateway"
)

// A preflight names exactly the methods that its path has, to the dashboard's origin and to no other.
func TestPreflightsNameThePathsMethods(t *testing.T) {
	c, _ := deployment(t)
	c.Origin = "https://keys.example.com"
	want := map[string][]string{}
	for _, f := range []*gateway.Function{api.Login(c), api.Logout(c), api.CreateToken(c), api.ListTokens(c), api.EditToken(c), api.RotateToken(c), api.RevealToken(c), api.Leaks(c), api.TokenInfo(c), api.Account(c), api.Revoke(c), api.Resources(c), api.Search(c), api.Audit(c), api.Run(c)} {
		for _, route := range f.Routes() {
			if method, path, _ := strings.Cut(route, " "); method != "OPTIONS" && path != "/disavow/{link}" { // no page of another origin reads a page
				want[path] = append(want[path], method)
			}
		}
	}
	h := api.TokenInfo(c)
	for path, methods := range want {
		slices.Sort(methods)
		for origin, allowed := range map[string]bool{c.Origin: true, "https://evil.example": false, "": false} {
			payload := strings.Replace(string(event(t, "OPTIONS", path, nil, nil, "")), `"Content-Type"`, `"Origin":["`+origin+`"],"Content-Type"`, 1)
			a := invoke(t, h, []byte(payload))
			got := strings.Split(a.Headers["Access-Control-Allow-Methods"], ", ")
			slices.Sort(got)
			if allowed != slices.Equal(got, methods) || allowed != (a.Headers["Access-Control-Allow-Origin"] == c.Origin) || a.StatusCode != 204 {
				t.Errorf("%s from %q: %+v, want %v", path, origin, a, methods)
			}
		}
	}
}
