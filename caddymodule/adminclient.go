package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// adminClient is how subcommands reach a running gateway: its admin API, by URL and token,
// or the admin endpoint of the Caddy on this machine.
type adminClient struct {
	url     string // of the admin API; "" goes to Caddy's endpoint
	address string // of that endpoint; "" is what the configuration says
	config  string
	adapter string
}

// tokenVariable is the environment variable with the token for --url. A flag would show it
// to everybody who lists processes.
const tokenVariable = "GATEHOUSE_TOKEN"

func (a *adminClient) flags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&a.url, "url", "", "URL of the admin API of a gateway elsewhere, used with the token in "+tokenVariable)
	f.StringVar(&a.address, "address", "", "address of Caddy's admin endpoint, if --config doesn't tell it")
	f.StringVar(&a.config, "config", "", "configuration file of the running server, to find Caddy's admin endpoint")
	f.StringVar(&a.adapter, "adapter", "", "name of the config adapter for that file")
}

// call sends a request for a path such as "/tokens"; the answer is read into out, unless
// that is nil.
func (a *adminClient) call(method, path string, body, out any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	send := a.local
	if a.url != "" {
		send = a.remote
	}
	res, err := send(method, path, text)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 16<<20)).Decode(out); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	return nil
}

func (a *adminClient) local(method, path string, body []byte) (*http.Response, error) {
	address, err := caddycmd.DetermineAdminAPIAddress(a.address, nil, a.config, a.adapter)
	if err != nil {
		return nil, err
	}
	res, err := caddycmd.AdminAPIRequest(address, method, localPrefix+path, nil, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("asking the server on this machine at %s: %w\n"+
			"(is it running? --config names its configuration; --url and %s reach one elsewhere)", address, err, tokenVariable)
	}
	return res, nil
}

func (a *adminClient) remote(method, path string, body []byte) (*http.Response, error) {
	token := os.Getenv(tokenVariable)
	if token == "" {
		return nil, errors.New("--url needs a personal access token in the environment variable " + tokenVariable)
	}
	req, err := http.NewRequest(method, strings.TrimSuffix(a.url, "/")+"/admin"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 300 {
		defer res.Body.Close()
		return nil, refusal(res)
	}
	return res, nil
}

// refusal is what the API says about a request that failed.
func refusal(res *http.Response) error {
	var body struct {
		Error struct{ Message, Reason string }
	}
	_ = json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&body) // the status says enough when it is not ours
	return fmt.Errorf("%s: %s", res.Status, strings.TrimSpace(body.Error.Message+". "+body.Error.Reason))
}
