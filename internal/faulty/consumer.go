package faulty

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"
)

// A Consumer is a function that a stream feeds, with what can go wrong on the way to it and in it. It implements
// lambda.Handler.
type Consumer struct {
	Inner    lambda.Handler
	Function string
	Plan     *Plan

	mu   sync.Mutex
	kept []json.RawMessage // records of earlier batches
}

// keptRecords bounds what can come again late.
const keptRecords = 256

// tenfold is how often a batch comes that comes again and again.
const tenfold = 10

// atOnce is how many have a batch at the same time that several have.
const atOnce = 4

var errDown = errors.New("faulty: the consumer is down")

// Invoke implements lambda.Handler.
func (c *Consumer) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	kind := c.Plan.choose(Call{Function: c.Function, Verb: Invoke}, ConsumerDown, ConsumerPanic, ConsumerDies, ConsumerEmpty, BatchTenfold, BatchAtOnce, BatchShuffled, BatchLate)
	switch kind {
	case ConsumerDown:
		return nil, errDown
	case ConsumerPanic:
		panic("faulty: the consumer panics")
	case ConsumerEmpty:
		return nil, nil
	case ConsumerDies:
		_, _ = c.Inner.Invoke(ctx, payload)
		die(ctx)
	case BatchTenfold:
		for range tenfold - 1 {
			_, _ = c.Inner.Invoke(ctx, payload) // whoever brings a batch twice has not heard the first answer
		}
	case BatchAtOnce:
		for range atOnce - 1 {
			go func() { _, _ = c.Inner.Invoke(ctx, payload) }()
		}
	case BatchShuffled, BatchLate:
		if again := c.again(kind, payload); again != nil {
			_, _ = c.Inner.Invoke(ctx, again)
		}
	}
	c.keep(payload)
	return c.Inner.Invoke(ctx, payload)
}

type batch struct {
	Records []json.RawMessage `json:"Records"`
}

// again gives the batch in another order, or a batch of records that came long ago.
func (c *Consumer) again(kind Kind, payload []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b batch
	if json.Unmarshal(payload, &b) != nil {
		return nil
	}
	if kind == BatchLate {
		b.Records = slices.Clone(c.kept[:min(len(c.kept), len(b.Records)+1)])
	}
	c.Plan.shuffle(len(b.Records), func(i, j int) { b.Records[i], b.Records[j] = b.Records[j], b.Records[i] })
	again, err := json.Marshal(b)
	if err != nil {
		return nil
	}
	return again
}

func (c *Consumer) keep(payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b batch
	if json.Unmarshal(payload, &b) == nil {
		c.kept = append(c.kept, b.Records...)
		c.kept = c.kept[max(0, len(c.kept)-keptRecords):]
	}
}
