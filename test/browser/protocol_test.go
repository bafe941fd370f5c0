package browser

import (
	"context"
	"fmt"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// eval asks the page; %q in the expression quotes an argument for JavaScript.
func eval[T any](b *tab, expression string, args ...any) T {
	b.t.Helper()
	return evaluate[T](b, expression, args)
}

// await is eval of a promise.
func await[T any](b *tab, expression string, args ...any) T {
	b.t.Helper()
	return evaluate[T](b, expression, args, chromedp.EvalAwaitPromise)
}

func evaluate[T any](b *tab, expression string, args []any, options ...chromedp.EvaluateOption) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if len(args) > 0 {
		expression = fmt.Sprintf(expression, args...)
	}
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, options...))
	if err != nil {
		b.t.Fatalf("evaluating %s: %v", expression, err)
	}
	return value
}

// call sends a command of the DevTools protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
	return result
}
