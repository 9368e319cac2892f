package totp

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// A Picture is a QR code (ISO/IEC 18004).
type Picture struct{ dark [][]bool }

// quiet is the blank margin that readers need, in modules (ISO/IEC 18004 §6.3.8).
const quiet = 4

// Draw makes a QR code of a text, which is at most about 2,300 bytes.
func Draw(text string) (Picture, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return Picture{}, fmt.Errorf("totp: a text that does not go into a QR code") // its error holds the text
	}
	size := code.Bounds()
	p := Picture{make([][]bool, size.Dy())}
	for y := range p.dark {
		p.dark[y] = make([]bool, size.Dx())
		for x := range p.dark[y] {
			r, _, _, _ := code.At(size.Min.X+x, size.Min.Y+y).RGBA()
			p.dark[y][x] = r == 0
		}
	}
	return p, nil
}

// scale is how many pixels of a PNG make a module.
const scale = 6

// PNG gives the picture as a data URL.
func (p Picture) PNG() (string, error) {
	n := (len(p.dark) + 2*quiet) * scale
	img := image.NewPaletted(image.Rect(0, 0, n, n), color.Palette{color.White, color.Black})
	for y := range n {
		for x := range n {
			if p.at(x/scale-quiet, y/scale-quiet) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img); err != nil {
		return "", err
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// SVG gives the picture as an image of one path, a unit for each module. Nothing of the text is in it but the modules.
func (p Picture) SVG() string {
	var path strings.Builder
	for y, row := range p.dark {
		for x := 0; x < len(row); x++ {
			run := x
			for run < len(row) && row[run] {
				run++
			}
			if run > x {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run-x, run-x)
				x = run
			}
		}
	}
	n := len(p.dark) + 2*quiet
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><rect width="%d" height="%d" fill="#fff"/><path d="%s"/></svg>`, n, n, n, n, path.String())
}

func (p Picture) at(x, y int) bool {
	return y >= 0 && y < len(p.dark) && x >= 0 && x < len(p.dark[y]) && p.dark[y][x]
}
