package browser

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long a page may take. A loaded machine must not fail a test.
const patience = time.Minute

// tab is a browser of one person's, with a profile of its own and one tab open.
type tab struct {
	t    *testing.T
	ctx  context.Context
	site string
}

// newTab starts a gateway and a browser that end with the test.
func newTab(t *testing.T) *tab {
	t.Helper()
	return tabAt(t, startExample(t))
}

// tabAt starts a browser at a site that is there.
func tabAt(t *testing.T, site string) *tab {
	t.Helper()
	b := &tab{t: t, ctx: startChromium(t), site: site}
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	b.size(1280, 800)
	return b
}

func startChromium(t *testing.T) context.Context {
	t.Helper()
	path, err := findChromium()
	if err != nil {
		t.Fatal(err)
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Flag("headless", "new"),
		chromedp.WSURLReadTimeout(patience),
	}
	for _, flag := range []string{
		"no-sandbox", "disable-gpu", "disable-quic", "disable-dev-shm-usage", "no-first-run",
		"disable-background-networking", "disable-component-update", "disable-sync",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, release := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(release)
	ctx, quit := chromedp.NewContext(ctx)
	t.Cleanup(quit)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return ctx
}

// findChromium never lets the tests pass without a browser.
func findChromium() (string, error) {
	if path := os.Getenv("GATEHOUSE_CHROMIUM"); path != "" {
		return path, nil
	}
	for _, name := range []string{"/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium found: run apt-get install chromium, or name one in GATEHOUSE_CHROMIUM")
}

// do runs steps that stay on the page.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("at %s: %v", b.path(), err)
	}
}

// leave runs steps that lead to another page, waits for it, and returns its answer.
func (b *tab) leave(steps ...chromedp.Action[chromedp.Void]) *network.Response {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	res, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		b.t.Fatalf("leaving %s: %v", b.path(), err)
	}
	return res
}

// open goes to a path of the site.
func (b *tab) open(path string) *network.Response {
	b.t.Helper()
	return b.leave(chromedp.Navigate(b.site + path))
}

// follow clicks a link or button by the words on it, and waits for the page behind it.
func (b *tab) follow(words string) *network.Response {
	b.t.Helper()
	return b.leave(chromedp.Click(`//*[self::a or self::button][normalize-space()=` + literal(words) + `]`))
}

// literal quotes words for XPath, which has no escapes.
func literal(words string) string {
	if strings.Contains(words, `"`) {
		return "'" + words + "'"
	}
	return `"` + words + `"`
}

// fill types into the field with a label, as somebody does who clicks the label.
func (b *tab) fill(label, text string) {
	b.t.Helper()
	id := b.field(label)
	b.do(chromedp.Clear(chromedp.ID(id)), chromedp.SendKeys(chromedp.ID(id), text))
}

// field is the id of the field that a label is for.
func (b *tab) field(label string) string {
	b.t.Helper()
	id := eval[string](b, `[...document.querySelectorAll("label")].find(l => l.textContent.trim() === %q)?.control?.id ?? ""`, label)
	if id == "" {
		b.t.Fatalf("no field %q at %s:\n%s", label, b.path(), b.text())
	}
	return id
}

// press types on the keyboard, wherever the focus is.
func (b *tab) press(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// enter presses the Enter key and waits for the page that it leads to.
func (b *tab) enter() *network.Response {
	b.t.Helper()
	return b.leave(chromedp.KeyEvent(kb.Enter))
}

// path is where the tab is on the site, with the query.
func (b *tab) path() string {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	at, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		return err.Error()
	}
	return strings.TrimPrefix(at, b.site)
}

// wantPage fails unless the tab shows a page, whatever its query.
func (b *tab) wantPage(want string) {
	b.t.Helper()
	u, err := url.Parse(b.path())
	if err != nil || u.Path != want {
		b.t.Fatalf("got page %s, want %s:\n%s", b.path(), want, b.text())
	}
}

// text is what the page says.
func (b *tab) text() string {
	b.t.Helper()
	return eval[string](b, `document.body.innerText`)
}

// wantText fails unless the page says want.
func (b *tab) wantText(want string) {
	b.t.Helper()
	if got := b.text(); !strings.Contains(got, want) {
		b.t.Errorf("%s doesn't say %q but:\n%s", b.path(), want, got)
	}
}

// size sets the size of the window.
func (b *tab) size(width, height int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}

// scheme chooses between "light" and "dark", and changes colours at once.
func (b *tab) scheme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
		},
	})
}

// withoutScripts is what a browser does that runs no JavaScript. The tests still can.
func (b *tab) withoutScripts() {
	b.t.Helper()
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// title is what the window is called.
func (b *tab) title() string {
	b.t.Helper()
	return eval[string](b, `document.title`)
}

// value is what stands in the field with a label.
func (b *tab) value(label string) string {
	b.t.Helper()
	return eval[string](b, `document.getElementById(%q).value`, b.field(label))
}

// tabTo presses Tab and fails unless the focus goes from one control to the next, by
// their names, and can be seen on each.
func (b *tab) tabTo(names ...string) {
	b.t.Helper()
	for _, name := range names {
		b.press(kb.Tab)
		b.wantFocus(name)
	}
}

// wantFocus fails unless the focus is on a control with a name and can be seen.
func (b *tab) wantFocus(name string) {
	b.t.Helper()
	type focus struct {
		Name string
		Ring string // style of the outline
	}
	got := eval[focus](b, `(() => {
		const at = document.activeElement;
		const name = at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent;
		return {Name: name.trim(), Ring: getComputedStyle(at).outlineStyle};
	})()`)
	if got.Name != name || got.Ring == "none" {
		b.t.Fatalf("the focus at %s is on %q (outline %s), want it on %q and visible", b.path(), got.Name, got.Ring, name)
	}
}

func (b *tab) forgetCookies() {
	b.t.Helper()
	call(b, network.ClearBrowserCookies, cdp.Empty{})
}
