package config

import (
	"fmt"
	"strings"
)

// suggestion is the end of a sentence that offers the closest of the keys, or lists them when there are only a few.
func suggestion(key string, choices []string) string {
	best, distance := "", len(key)/3+2
	for _, c := range choices {
		if n := editDistance(strings.ToLower(key), c); n < distance {
			best, distance = c, n
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %q?", best)
	case len(choices) > 0 && len(choices) <= 12:
		return "; known here: " + strings.Join(choices, ", ")
	}
	return ""
}

// editDistance counts the characters to add, drop or change to turn a into b. Keys of a length nobody means are far away.
func editDistance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
