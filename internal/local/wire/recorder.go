package wire

import (
	"bytes"
	"strconv"
	"sync"
)

// A recorder cuts what a connection reads into requests and keeps each one's header block until it is asked for.
// net/http reads from a goroutine of its own while a handler runs, hence the lock.
type recorder struct {
	mu     sync.Mutex
	state  state
	block  []byte // of the request being read
	line   int    // where in block, or in a chunked body's line, the current line starts
	left   int64  // bytes of the body, or of the chunk, still to come
	blocks [][]byte
}

type state uint8

const (
	inHeader state = iota
	inBody
	inChunkSize
	inChunk
	inChunkEnd
	inTrailer
	lost // the bytes are not HTTP; net/http will close the connection
)

// maxBlock is how much of a header is kept. It is over what the server accepts.
const maxBlock = 1 << 20

// next gives the header block of the oldest request not yet asked for, nil where there is none.
func (r *recorder) next() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.blocks) == 0 {
		return nil
	}
	b := r.blocks[0]
	r.blocks = append(r.blocks[:0], r.blocks[1:]...)
	return b
}

func (r *recorder) feed(p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(p) > 0 && r.state != lost {
		switch r.state {
		case inBody, inChunk:
			n := min(r.left, int64(len(p)))
			r.left -= n
			p = p[n:]
			switch {
			case r.left > 0:
			case r.state == inBody:
				r.state = inHeader
			default:
				r.state = inChunkEnd
			}
		default:
			end := bytes.IndexByte(p, '\n')
			if end < 0 {
				r.block = append(r.block, p...)
				if len(r.block) > maxBlock {
					r.state = lost
				}
				return
			}
			r.block = append(r.block, p[:end+1]...)
			p = p[end+1:]
			r.endLine()
		}
	}
}

// endLine acts on the line that ends the block read so far.
func (r *recorder) endLine() {
	line := bytes.TrimRight(r.block[r.line:], "\r\n")
	switch {
	case len(r.block) > maxBlock:
		r.state = lost
	case r.state == inHeader && len(line) > 0:
		r.line = len(r.block)
	case r.state == inHeader && r.line == 0:
		r.state = lost // an empty line where a request should start
	case r.state == inHeader:
		r.blocks = append(r.blocks, r.block[:r.line])
		r.startBody(r.block[:r.line])
		r.block, r.line = make([]byte, 0, cap(r.block)), 0
	case r.state == inChunkSize:
		digits, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseInt(string(bytes.TrimSpace(digits)), 16, 64)
		switch {
		case err != nil || n < 0:
			r.state = lost
		case n == 0:
			r.state = inTrailer
		default:
			r.state, r.left = inChunk, n
		}
		r.block = r.block[:0]
	case r.state == inChunkEnd:
		r.state, r.block = inChunkSize, r.block[:0]
	case r.state == inTrailer:
		if len(line) == 0 {
			r.state = inHeader
		}
		r.block = r.block[:0]
	}
}

// startBody finds out from the header how the body ends.
func (r *recorder) startBody(header []byte) {
	var length int64
	chunked := false
	for len(header) > 0 {
		line, rest, _ := bytes.Cut(header, []byte("\n"))
		header = rest
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		switch {
		case fold(name, "content-length"):
			length, _ = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
		case fold(name, "transfer-encoding"):
			chunked = fold(bytes.TrimSpace(value), "chunked")
		}
	}
	switch {
	case chunked:
		r.state = inChunkSize
	case length > 0:
		r.state, r.left = inBody, length
	default:
		r.state = inHeader
	}
}
