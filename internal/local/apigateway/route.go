package apigateway

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"

	"keyfob/internal/template"
)

// A route is a method of a resource.
type route struct {
	template.Route
	function   Function
	authorizer *authorizer // nil where the route is open
	resourceID string
	preflight  map[string]string // the answer's header, where SAM's own OPTIONS answers
}

// A node is a part of the resource tree: what follows one more segment of the path.
type node struct {
	static  map[string]*node
	param   *node // {name}: any one segment
	greedy  *node // {name+}: all that is left
	name    string
	path    string            // of the resource; empty where there is none
	methods map[string]*route // by method; ANY for the rest
}

type param struct{ name, value string }

// anyMethods are what ANY stands for.
var anyMethods = []string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

// add puts the route into the tree. API Gateway does not take two variables of different names at one place.
func (n *node) add(r *route) error {
	r.resourceID = resourceID(r.Path)
	at := n
	for segment := range strings.SplitSeq(strings.Trim(r.Path, "/"), "/") {
		name, isParam := strings.CutPrefix(strings.TrimSuffix(segment, "}"), "{")
		switch {
		case segment == "":
		case !isParam:
			if at.static == nil {
				at.static = make(map[string]*node)
			}
			if at.static[segment] == nil {
				at.static[segment] = new(node)
			}
			at = at.static[segment]
		default:
			next := &at.param
			if strings.HasSuffix(name, "+") {
				next, name = &at.greedy, strings.TrimSuffix(name, "+")
			}
			if *next == nil {
				*next = &node{name: name}
			}
			if (*next).name != name {
				return fmt.Errorf("%s: the path %s names {%s} what another route there names {%s}", r.Place, r.Path, name, (*next).name)
			}
			at = *next
		}
	}
	if at.methods == nil {
		at.methods = make(map[string]*route)
	}
	at.path, at.methods[r.Method] = r.Path, r
	return nil
}

// match finds the resource for the path: a static segment beats a variable one, which beats a greedy one. The
// values stay as they were sent, percent-encoded. The gateway does not mind a slash at the end.
func (n *node) match(path string, params []param) (*node, []param) {
	path = strings.TrimRight(path, "/")
	if path == "" {
		if n.methods != nil {
			return n, params
		}
		return nil, nil
	}
	segment, rest := path[1:], ""
	if i := strings.IndexByte(segment, '/'); i >= 0 {
		segment, rest = segment[:i], segment[i:]
	}
	if next := n.static[segment]; next != nil {
		if found, p := next.match(rest, params); found != nil {
			return found, p
		}
	}
	if n.param != nil && segment != "" {
		if found, p := n.param.match(rest, append(params, param{n.param.name, segment})); found != nil {
			return found, p
		}
	}
	if n.greedy != nil && len(path) > 1 {
		return n.greedy, append(params, param{n.greedy.name, path[1:]})
	}
	return nil, nil
}

// method gives the route for a method of the resource, nil where there is none.
func (n *node) method(name string) *route {
	if r := n.methods[name]; r != nil {
		return r
	}
	if slices.Contains(anyMethods, name) {
		return n.methods["ANY"]
	}
	return nil
}

// each visits every node with a resource.
func (n *node) each(visit func(*node)) {
	if n == nil {
		return
	}
	if n.methods != nil {
		visit(n)
	}
	for _, next := range n.static {
		next.each(visit)
	}
	n.param.each(visit)
	n.greedy.each(visit)
}

// addPreflights gives OPTIONS to every resource that has none of its own, as SAM does for Cors.
func (n *node) addPreflights(c *template.CORS, a *authorizer) {
	if !c.Authorized {
		a = nil
	}
	n.each(func(at *node) {
		if at.method("OPTIONS") != nil {
			return
		}
		at.methods["OPTIONS"] = &route{
			Route:      template.Route{Method: "OPTIONS", Path: at.path},
			authorizer: a,
			resourceID: resourceID(at.path),
			preflight:  preflightHeader(c, slices.Collect(maps.Keys(at.methods))),
		}
	})
}

func preflightHeader(c *template.CORS, methods []string) map[string]string {
	h := map[string]string{"Access-Control-Allow-Origin": c.AllowOrigin, "Access-Control-Allow-Methods": c.AllowMethods}
	if c.AllowMethods == "" {
		methods = append(methods, "OPTIONS")
		slices.Sort(methods)
		h["Access-Control-Allow-Methods"] = strings.Join(methods, ",")
	}
	if c.AllowHeaders != "" {
		h["Access-Control-Allow-Headers"] = c.AllowHeaders
	}
	if c.MaxAge != "" {
		h["Access-Control-Max-Age"] = c.MaxAge
	}
	if c.AllowCredentials {
		h["Access-Control-Allow-Credentials"] = "true"
	}
	return h
}

// resourceID makes the six-character id of a resource, the same in every run.
func resourceID(path string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(path))
	id := strconv.FormatUint(uint64(h.Sum32()), 36)
	return ("000000" + id)[len(id):]
}
