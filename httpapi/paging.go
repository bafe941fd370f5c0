package httpapi

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// window is a part of a listing.
type window struct{ from, to int }

// position is the page that a request asks for, counted from 0.
type position struct {
	page, size string // what the parameters are called
	n, per     int
}

// position reads page and per_page, or page_token and page_size as they are called now. Junk means the default.
func (c *call) position() position {
	p := position{page: "page", size: "per_page"}
	q := c.r.URL.Query()
	if q.Has("page_size") || q.Has("page_token") {
		p.page, p.size = "page_token", "page_size"
	}
	p.per = clamp(q.Get(p.size), 250, 1, 1000)
	p.n = clamp(q.Get(p.page), 0, 0, 1<<31)
	return p
}

// window is the part of a listing that the request asks for.
func (c *call) window(total int) window {
	p := c.position()
	c.linkPositions(p, total)
	return window{min(p.n*p.per, total), min((p.n+1)*p.per, total)}
}

// linkPositions writes X-Total-Count and Link (behaviours.md 25).
func (c *call) linkPositions(p position, total int) {
	n, per := p.n, p.per
	last := max(0, (total-1)/per)
	var links []string
	add := func(rel string, n int) {
		u := c.self() + "?" + url.Values{p.page: {strconv.Itoa(n)}, p.size: {strconv.Itoa(per)}}.Encode()
		links = append(links, fmt.Sprintf("<%s>; rel=%q", u, rel))
	}
	if n > 0 || last == 0 {
		add("first", 0)
	}
	if n < last || total == 0 {
		add("next", min(n+1, last))
	}
	if n > 0 || total == 0 {
		add("prev", max(0, min(n-1, last)))
	}
	if n < last {
		add("last", last)
	}
	c.w.Header().Set("X-Total-Count", strconv.Itoa(total))
	c.w.Header().Set("Link", strings.Join(links, ","))
}

// self is the URL of the request without its query.
func (c *call) self() string {
	if c.m.admin {
		return c.s.adminURL() + c.m.prefix + c.path
	}
	return c.base() + c.path
}

// clamp reads a number and brings it between two bounds; what is none is def.
func clamp(s string, def, least, most int) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return def
	}
	return min(max(n, least), most)
}
