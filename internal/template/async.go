package template

import "time"

// Async is what becomes of an event that the function is invoked with and nobody waits for: an EventInvokeConfig.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
type Async struct {
	Retries   int           // after the first try: 0 to 2
	MaxAge    time.Duration // of an event, after which it is given up
	OnFailure string        // where given-up events go; empty for nowhere
}

func readAsync(o object) Async {
	o.only("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
	const longest = 6 * time.Hour
	return Async{
		Retries:   o.number("MaximumRetryAttempts", 2, 0, 2),
		MaxAge:    time.Duration(o.number("MaximumEventAgeInSeconds", int(longest.Seconds()), int(minAge.Seconds()), int(longest.Seconds()))) * time.Second,
		OnFailure: readOnFailure(o.object("DestinationConfig")),
	}
}
