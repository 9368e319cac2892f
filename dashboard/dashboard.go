// Package dashboard holds the pages that people see, as they are served: static files, built into the program.
//
// It promises that the pages need nothing from elsewhere and run nothing that is written in them, so that they work under
// the strictest Content-Security-Policy; and that they find the API beside them, under whatever path that is.
//
// They hold no rules. What a page refuses early the API refuses as well, and in its words.
package dashboard

import "embed"

// The pages and what they load.
//
//go:embed files
var files embed.FS

// Types are the kinds of files that there are, by the ending of the name.
var Types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
}

// File gives a file by its name, and whether there is one.
func File(name string) ([]byte, bool) {
	data, err := files.ReadFile("files/" + name)
	return data, err == nil
}
