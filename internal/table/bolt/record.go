package bolt

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"keyfob/internal/table"
)

// How a record of the feed lies in the file:
//
//	record = flags time old new checksum
//	flags  = 1 byte: 1 for a purge
//	time   = epoch seconds, 8 bytes, big endian
//	old, new = length (unsigned varint) item, length 0 for none
//	checksum = of the sequence number's key and all before it, see seal
const (
	flagPurged = 1

	recordHeader = 1 + stampSize
)

func encodeRecord(key []byte, at int64, old, new []byte, purged bool) []byte {
	b := make([]byte, 0, recordHeader+2*binary.MaxVarintLen32+len(old)+len(new)+checksumSize)
	var flags byte
	if purged {
		flags |= flagPurged
	}
	b = appendStamp(append(b, flags), uint64(at)) //#nosec G115 -- a clock before 1970 comes back as it was
	b = appendText(b, old)
	return seal(key, appendText(b, new))
}

// recordTime reads the time alone.
func recordTime(b []byte) (int64, error) {
	if len(b) < recordHeader {
		return 0, damage("a record is cut short")
	}
	return int64(binary.BigEndian.Uint64(b[1:])), nil //#nosec G115 -- it was written from an int64
}

func recordSequence(key []byte) (uint64, error) {
	if len(key) != stampSize {
		return 0, damage("a record has a malformed key")
	}
	return binary.BigEndian.Uint64(key), nil
}

// splitRecord gives the encoded images of a record, nil for none.
func splitRecord(key, b []byte) (old, new []byte, err error) {
	if b, err = unseal(key, b); err != nil {
		return nil, nil, err
	}
	if len(b) < recordHeader || b[0] > flagPurged {
		return nil, nil, damage("a record is malformed")
	}
	b = b[recordHeader:]
	for _, image := range []*[]byte{&old, &new} {
		n, width := binary.Uvarint(b)
		if width <= 0 {
			return nil, nil, damage("a record is malformed")
		}
		if b = b[width:]; n > uint64(len(b)) {
			return nil, nil, damage("a record is cut short")
		}
		if n > 0 {
			*image = b[:n]
		}
		b = b[n:]
	}
	if len(b) > 0 || old == nil && new == nil {
		return nil, nil, damage("a record is malformed")
	}
	return old, new, nil
}

// decodeRecord reads the record that lies under the key.
func decodeRecord(key, b []byte) (table.Record, error) {
	oldImage, newImage, err := splitRecord(key, b)
	if err != nil {
		return table.Record{}, err
	}
	sequence, err := recordSequence(key)
	if err != nil {
		return table.Record{}, err
	}
	at, err := recordTime(b)
	if err != nil {
		return table.Record{}, err
	}
	r := table.Record{
		EventID:        fmt.Sprintf("%032x", sequence),
		EventVersion:   "1.1",
		EventSource:    "aws:dynamodb",
		AWSRegion:      "local",
		EventSourceARN: "arn:aws:dynamodb:local:000000000000:table/keyfob/stream/local",
		Change: table.Change{
			ApproximateCreationDateTime: table.EpochSeconds(at),
			SequenceNumber:              formatSequence(sequence),
			StreamViewType:              "NEW_AND_OLD_IMAGES",
		},
	}
	if b[0]&flagPurged != 0 {
		r.UserIdentity = table.TTLIdentity()
	}
	c := &r.Change
	if oldImage != nil {
		if c.OldImage, err = decodeItem(oldImage); err != nil {
			return table.Record{}, err
		}
	}
	if newImage != nil {
		if c.NewImage, err = decodeItem(newImage); err != nil {
			return table.Record{}, err
		}
	}
	image := c.NewImage
	switch {
	case oldImage == nil:
		r.EventName = table.Insert
	case newImage == nil:
		r.EventName = table.Remove
		image = c.OldImage
	default:
		r.EventName = table.Modify
	}
	k := image.Key()
	c.Keys = table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK)}
	c.SizeBytes = int64(c.Keys.Size() + c.OldImage.Size() + c.NewImage.Size())
	return r, nil
}

// Sequence numbers are written with 21 digits, the first a 1, so that their order as texts is that of the numbers.

func formatSequence(n uint64) string { return fmt.Sprintf("1%020d", n) }

func parseSequence(s string) (uint64, error) {
	if len(s) == 21 && s[0] == '1' {
		if n, err := strconv.ParseUint(s[1:], 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, &table.Misuse{Reason: "not a sequence number of this feed"}
}
