package caddymodule

import "net/http"

type managedHeaders struct{}

func (managedHeaders) strip(*http.Request) {}
