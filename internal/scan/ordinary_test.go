package scan

import (
	"strings"
	"testing"
)

// The fast count agrees with the plain one for every byte at every place.
func TestOrdinaryFindsEveryByteThatIsNot(t *testing.T) {
	for c := range 256 {
		for _, before := range []string{"", "a", "abcdefg", "abcdefgh", "abcdefghijklm", strings.Repeat("~ ", 20)} {
			for _, after := range []string{"", "z", "\"\\\x00\xff", strings.Repeat("z", 30)} {
				data := before + string([]byte{byte(c)}) + after
				want := 0
				for want < len(data) && data[want] >= ' ' && data[want] < 0x80 && data[want] != '"' && data[want] != '\\' {
					want++
				}
				if got := ordinary(data); got != want {
					t.Fatalf("%q: %d, want %d", data, got, want)
				}
			}
		}
	}
}
