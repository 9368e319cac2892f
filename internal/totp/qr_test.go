package totp_test

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"image/png"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/totp"
)

// The pictures are read back by a decoder of its own, from the standard (ISO/IEC 18004) and not from the encoder.
func TestThePicturesSayTheURI(t *testing.T) {
	for _, email := range []string{"a@b.cd", "owner@example.com", strings.Repeat("long.name.", 10) + "@example.com"} {
		uri := totp.Secret("12345678901234567890").URI("Keyfob Example Ltd", email)
		p, err := totp.Draw(uri)
		if err != nil {
			t.Fatal(err)
		}
		fromPNG := pngModules(t, p)
		if got := decode(t, fromPNG); got != uri {
			t.Errorf("the PNG says %q, want %q", got, uri)
		}
		fromSVG := svgModules(t, p.SVG())
		if !slices.EqualFunc(fromPNG, fromSVG, slices.Equal) {
			t.Error("the two pictures differ")
		}
		if strings.Contains(p.SVG(), "Keyfob") || strings.Contains(p.SVG(), "secret") {
			t.Error("the SVG holds the text itself")
		}
	}
}

func pngModules(t *testing.T, p totp.Picture) [][]bool {
	t.Helper()
	data, err := p.PNG()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(data, "data:image/png;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	const scale = 6
	n := img.Bounds().Dx() / scale
	if img.Bounds().Dy() != img.Bounds().Dx() || n*scale != img.Bounds().Dx() {
		t.Fatalf("the PNG is %v", img.Bounds())
	}
	all := make([][]bool, n)
	for y := range all {
		all[y] = make([]bool, n)
		for x := range all[y] {
			r, _, _, _ := img.At(x*scale+scale/2, y*scale+scale/2).RGBA()
			all[y][x] = r == 0
		}
	}
	return inner(t, all)
}

// svgModules reads the picture's one path, of runs of dark modules.
func svgModules(t *testing.T, text string) [][]bool {
	t.Helper()
	var svg struct {
		ViewBox string `xml:"viewBox,attr"`
		Paths   []struct {
			D string `xml:"d,attr"`
		} `xml:"path"`
	}
	if err := xml.Unmarshal([]byte(text), &svg); err != nil {
		t.Fatal(err)
	}
	var n, n2 int
	if _, err := fmt.Sscanf(svg.ViewBox, "0 0 %d %d", &n, &n2); err != nil || n != n2 || len(svg.Paths) != 1 {
		t.Fatalf("viewBox %s, %d paths, %v", svg.ViewBox, len(svg.Paths), err)
	}
	all := make([][]bool, n)
	for y := range all {
		all[y] = make([]bool, n)
	}
	for run := range strings.SplitSeq(strings.TrimSuffix(svg.Paths[0].D, "z"), "z") {
		var x, y, long, back int
		if _, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &long, &back); err != nil || long != back {
			t.Fatalf("%q: %v", run, err)
		}
		for i := range long {
			all[y][x+i] = true
		}
	}
	return inner(t, all)
}

// inner takes the quiet zone off, which has to be blank and four modules wide.
func inner(t *testing.T, all [][]bool) [][]bool {
	t.Helper()
	const quiet = 4
	n := len(all)
	var out [][]bool
	for y, row := range all {
		for x, dark := range row {
			if dark && (x < quiet || y < quiet || x >= n-quiet || y >= n-quiet) {
				t.Fatal("the quiet zone is not blank")
			}
		}
		if y >= quiet && y < n-quiet {
			out = append(out, row[quiet:n-quiet])
		}
	}
	return out
}

// block is how a version's codewords are divided at the level M: so many blocks of so many data codewords each.
type block struct{ count, data int }

var levelM = map[int]struct {
	blocks []block
	ecc    int
	align  []int
}{
	6: {[]block{{4, 27}}, 16, []int{6, 34}}, 7: {[]block{{4, 31}}, 18, []int{6, 22, 38}},
	8: {[]block{{2, 38}, {2, 39}}, 22, []int{6, 24, 42}}, 9: {[]block{{3, 36}, {2, 37}}, 22, []int{6, 26, 46}},
	10: {[]block{{4, 43}, {1, 44}}, 26, []int{6, 28, 50}}, 11: {[]block{{1, 50}, {4, 51}}, 30, []int{6, 30, 54}},
	12: {[]block{{6, 36}, {2, 37}}, 22, []int{6, 32, 58}}, 13: {[]block{{8, 37}, {1, 38}}, 22, []int{6, 34, 62}},
}

// decode reads a code of level M in byte mode, without correcting errors: there are none.
func decode(t *testing.T, m [][]bool) string {
	t.Helper()
	n := len(m)
	version := (n - 17) / 4
	v, ok := levelM[version]
	if !ok {
		t.Fatalf("version %d is not in this test's table", version)
	}
	// Format information, around the upper left finder (§7.9).
	format := 0
	for i, at := range [][2]int{{8, 0}, {8, 1}, {8, 2}, {8, 3}, {8, 4}, {8, 5}, {8, 7}, {8, 8}, {7, 8}, {5, 8}, {4, 8}, {3, 8}, {2, 8}, {1, 8}, {0, 8}} {
		if m[at[0]][at[1]] {
			format |= 1 << (14 - i)
		}
	}
	format ^= 0b101010000010010
	if level := format >> 13; level != 0b00 {
		t.Fatalf("the error correction level is %02b, not M", level)
	}
	mask := format >> 10 & 7
	reserved := func(y, x int) bool {
		if y == 6 || x == 6 || y < 9 && (x < 9 || x >= n-8) || y >= n-8 && x < 9 {
			return true
		}
		if version >= 7 && (y < 6 && x >= n-11 || x < 6 && y >= n-11) {
			return true
		}
		for _, cy := range v.align {
			for _, cx := range v.align {
				corner := cy == 6 && cx == 6 || cy == 6 && cx == n-7 || cy == n-7 && cx == 6
				if !corner && max(cy-y, y-cy) <= 2 && max(cx-x, x-cx) <= 2 {
					return true
				}
			}
		}
		return false
	}
	masked := func(y, x int) bool {
		switch mask {
		case 0:
			return (y+x)%2 == 0
		case 1:
			return y%2 == 0
		case 2:
			return x%3 == 0
		case 3:
			return (y+x)%3 == 0
		case 4:
			return (y/2+x/3)%2 == 0
		case 5:
			return y*x%2+y*x%3 == 0
		case 6:
			return (y*x%2+y*x%3)%2 == 0
		}
		return ((y+x)%2+y*x%3)%2 == 0
	}
	var bits []byte
	up := true
	for right := n - 1; right > 0; right -= 2 {
		if right == 6 {
			right--
		}
		for i := range n {
			y := i
			if up {
				y = n - 1 - i
			}
			for x := right; x > right-2; x-- {
				if !reserved(y, x) {
					b := byte(0)
					if m[y][x] != masked(y, x) {
						b = 1
					}
					bits = append(bits, b)
				}
			}
		}
		up = !up
	}
	number := func(at, count int) (v int) {
		for _, b := range bits[at : at+count] {
			v = v<<1 | int(b)
		}
		return v
	}
	var sizes []int
	for _, b := range v.blocks {
		for range b.count {
			sizes = append(sizes, b.data)
		}
	}
	blocks := make([][]byte, len(sizes))
	at := 0
	for i := range slices.Max(sizes) {
		for j := range sizes {
			if i < sizes[j] {
				blocks[j] = append(blocks[j], byte(number(at, 8)))
				at += 8
			}
		}
	}
	if rest := len(bits) - at - 8*v.ecc*len(sizes); rest < 0 || rest > 7 {
		t.Fatalf("%d bits are left over", rest)
	}
	bits = bits[:0:0]
	for _, c := range slices.Concat(blocks...) {
		for i := range 8 {
			bits = append(bits, c>>(7-i)&1)
		}
	}
	if mode := number(0, 4); mode != 0b0100 {
		t.Fatalf("mode %04b", mode)
	}
	width := 8
	if version >= 10 {
		width = 16
	}
	text := make([]byte, number(4, width))
	for i := range text {
		text[i] = byte(number(4+width+8*i, 8))
	}
	return string(text)
}
