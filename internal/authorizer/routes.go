package authorizer

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"

	"keyfob/internal/scope"
)

// Routes says what each route needs. A route that is not in it needs full scope.
type Routes map[string]scope.Permission

// ParseRoutes reads routes.yaml: one "METHOD /path: permission" to a line, comments and empty lines between. That is
// all of YAML it takes. A YAML library would understand more, and would be paid for at every cold start of the
// function that everybody waits for; a test holds this reading against a library's.
func ParseRoutes(yaml []byte) (Routes, error) {
	routes := Routes{}
	lines := bufio.NewScanner(bytes.NewReader(yaml))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		route, text, ok := strings.Cut(line, ": ")
		method, path, spaced := strings.Cut(route, " ")
		if !ok || !spaced || method == "" || !strings.HasPrefix(path, "/") {
			return nil, fmt.Errorf("authorizer: line %d of the routes is not METHOD /path: permission", n)
		}
		p, ok := scope.ParsePermission(strings.Trim(strings.TrimSpace(text), `"`))
		if !ok {
			return nil, fmt.Errorf("authorizer: line %d of the routes names no permission: %s", n, text)
		}
		if _, twice := routes[route]; twice {
			return nil, fmt.Errorf("authorizer: line %d of the routes names %s for the second time", n, route)
		}
		routes[route] = p
	}
	if len(routes) == 0 {
		return nil, fmt.Errorf("authorizer: the routes are empty")
	}
	return routes, nil
}
