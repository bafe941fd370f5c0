package harness

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// freePort finds a port that nobody uses. It lies below those that the system
// hands out to outgoing connections, for one of them could take it before the
// process does.
func freePort(tb testing.TB) string {
	tb.Helper()
	const lowest, highest = 12_000, 32_000
	for range 100 {
		port := strconv.Itoa(lowest + rand.IntN(highest-lowest))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		l.Close()
		return port
	}
	tb.Fatal("no free port found")
	return ""
}
