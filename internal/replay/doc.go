// Package replay keeps events/ from rotting: its test hands every file there to the compiled function it is for, under
// the Runtime API, against DynamoDB Local, and holds the answer to what the file's name promises.
//
// A file whose name begins with "bad-" is one that the function refuses; any other is one that it serves. The account,
// the owner, the session and the token that the events speak of are the test's to make.
//
// It is a test and nothing else; there is nothing to import.
package replay
