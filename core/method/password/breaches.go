package password

import (
	"bufio"
	"context"
	"crypto/sha1" //nolint:gosec // the lookup protocol of Have I Been Pwned is made of SHA-1 prefixes
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Breaches looks passwords up in a service that speaks the range protocol of
// Have I Been Pwned: only five characters of a hash leave this machine.
type Breaches struct {
	Host   string // host name, or a URL for tests; "" means api.pwnedpasswords.com
	Client *http.Client
}

// breachTimeout bounds what a slow service costs a registration.
const breachTimeout = time.Second

// maxBreachAnswer bounds the answer; real ones are below 100 KiB.
const maxBreachAnswer = 1 << 20

// Count returns how often the password was found.
func (b *Breaches) Count(ctx context.Context, password string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, breachTimeout)
	defer cancel()
	sum := sha1.Sum([]byte(password)) //nolint:gosec // see above
	digest := strings.ToUpper(hex.EncodeToString(sum[:]))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url()+"/range/"+digest[:5], nil)
	if err != nil {
		return 0, fmt.Errorf("asking for breached passwords: %w", err)
	}
	req.Header.Set("Add-Padding", "true") // hides the size of the answer from the network
	res, err := b.Client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("asking for breached passwords: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("asking for breached passwords: status %d", res.StatusCode)
	}
	return findSuffix(io.LimitReader(res.Body, maxBreachAnswer), digest[5:])
}

func (b *Breaches) url() string {
	switch {
	case b.Host == "":
		return "https://api.pwnedpasswords.com"
	case strings.Contains(b.Host, "://"):
		return strings.TrimSuffix(b.Host, "/")
	}
	return "https://" + b.Host
}

// findSuffix reads lines of SUFFIX:COUNT.
func findSuffix(r io.Reader, suffix string) (int, error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		s, count, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if !ok || !strings.EqualFold(s, suffix) {
			continue
		}
		n, err := strconv.Atoi(count)
		if err != nil {
			return 0, fmt.Errorf("reading breached passwords: %w", err)
		}
		return n, nil
	}
	return 0, lines.Err()
}
