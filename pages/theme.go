package pages

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// colour is an sRGB colour with channels from 0 to 1.
type colour [3]float64

// The surfaces that accent-coloured text stands on, from the stylesheet, and the least contrast of WCAG 2.2 AA.
var (
	white        = colour{1, 1, 1}
	black        = colour{0, 0, 0}
	lightSurface = colour{0.961, 0.965, 0.973} // --page, the darker of the two light ones
	darkSurface  = colour{0.102, 0.129, 0.169} // --surface, the lighter of the two dark ones
)

const minContrast = 4.5

var hexColour = regexp.MustCompile(`^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)

// themeCSS returns the rules that replace the accent of the stylesheet, or "" when the default stays.
func themeCSS(accent string) (string, error) {
	if accent == "" {
		return "", nil
	}
	c, err := parseColour(accent)
	if err != nil {
		return "", fmt.Errorf("branding.accent: %w", err)
	}
	return "\n:root{" + accentRule(readable(c, lightSurface, black)) + "}\n" +
		"@media (prefers-color-scheme:dark){:root{" + accentRule(readable(c, darkSurface, white)) + "}}\n", nil
}

func accentRule(accent colour) string {
	text := white
	if contrast(accent, black) > contrast(accent, white) {
		text = black
	}
	return "--accent:" + accent.String() + ";--on-accent:" + text.String()
}

// readable mixes c with towards until it can be read on surface: a brand colour is chosen for a logo, not for text.
func readable(c, surface, towards colour) colour {
	for mix := 0.0; mix < 1; mix += 0.05 {
		if m := c.mix(towards, mix); contrast(m, surface) >= minContrast {
			return m
		}
	}
	return towards
}

func parseColour(s string) (colour, error) {
	if !hexColour.MatchString(s) {
		return colour{}, fmt.Errorf("%q is not a colour such as #2457d6", s)
	}
	width := (len(s) - 1) / 3
	var c colour
	for i := range c {
		part := s[1+i*width : 1+(i+1)*width]
		if width == 1 {
			part += part
		}
		n, err := strconv.ParseUint(part, 16, 8)
		if err != nil {
			return colour{}, err
		}
		c[i] = float64(n) / 255
	}
	return c, nil
}

// String returns the colour as #rrggbb.
func (c colour) String() string {
	s := "#"
	for _, channel := range c {
		s += fmt.Sprintf("%02x", int(math.Round(channel*255)))
	}
	return s
}

func (c colour) mix(with colour, share float64) colour {
	for i := range c {
		c[i] = c[i]*(1-share) + with[i]*share
	}
	return c
}

// contrast is the ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func (c colour) luminance() float64 {
	for i, channel := range c {
		if channel <= 0.04045 {
			c[i] = channel / 12.92
			continue
		}
		c[i] = math.Pow((channel+0.055)/1.055, 2.4)
	}
	return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2]
}
