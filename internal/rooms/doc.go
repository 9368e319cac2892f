// Package rooms holds the project to its own map: which package may import which.
//
// It promises, by its test, that dependencies point inward only: mains to the API, the API to decisions, decisions to
// roles, roles to pure packages; that adapters know nothing but their role; that only mains choose adapters; and that
// every package has a place on the map and a comment that says what it is for.
//
// It is a test and nothing else; there is nothing to import.
package rooms
