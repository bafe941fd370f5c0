package wasm

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-id/gatehouse/hooks/abi"
)

// guestLog passes a plugin's lines on to the operator's log: few, short, and with nothing in them that a terminal or
// a log reader would take for something else.
type guestLog struct {
	ctx    context.Context
	logger *slog.Logger
	plugin string
	event  abi.Event

	lines, bytes int
	partial      []byte // stdout and stderr up to the next line break
	latest       string // the line before, should it be the reason of what comes
}

var levels = map[int32]slog.Level{
	abi.LevelDebug: slog.LevelDebug, abi.LevelInfo: slog.LevelInfo,
	abi.LevelWarn: slog.LevelWarn, abi.LevelError: slog.LevelError,
}

// line logs one line; what is over the limit of the call is dropped, and said once.
func (g *guestLog) line(level int32, text []byte) {
	if g.lines > abi.MaxLogLines {
		return
	}
	if g.lines++; g.lines > abi.MaxLogLines || g.bytes+len(text) > abi.MaxLogBytes {
		g.lines = abi.MaxLogLines + 1
		g.emit(slog.LevelWarn, "more lines than one call may log were dropped")
		return
	}
	g.bytes += len(text)
	g.latest = escape(text)
	g.emit(levels[level], g.latest)
}

// because adds the last thing the guest said to the error of its initialization: there is no better explanation of a
// configuration it does not take. An error of a hook gets no such addition, for it could hold somebody's data.
func (g *guestLog) because(err error) error {
	g.flush()
	if g.latest == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, g.latest)
}

func (g *guestLog) emit(level slog.Level, text string) {
	g.logger.Log(g.ctx, level, "plugin log", "plugin", g.plugin, "event", string(g.event), "text", text)
}

// Write takes the guest's stdout and stderr.
func (g *guestLog) write(p []byte) {
	if g.lines > abi.MaxLogLines {
		return
	}
	for len(p) > 0 {
		line, rest, complete := bytes.Cut(p, []byte("\n"))
		if room := abi.MaxLogBytes + 1 - len(g.partial); len(line) > room {
			line = line[:room] // line() refuses it as too long
		}
		g.partial = append(g.partial, line...)
		if complete {
			g.flush()
		}
		p = rest
	}
}

// flush logs what was written without a line break; the end of the call is one.
func (g *guestLog) flush() {
	if len(g.partial) > 0 {
		g.line(abi.LevelInfo, g.partial)
		g.partial = nil
	}
}

// escape makes one printable line of text. Control characters could forge log lines or drive a terminal, and
// direction marks could reorder what is read.
func escape(text []byte) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(text[0])|0x100, 16)[1:])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
		text = text[size:]
	}
	return b.String()
}
