package httpapi

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// window is a part of a listing.
type window struct{ from, to int }

// window reads page and per_page, or page_token and page_size as they are called
// now, and writes X-Total-Count and Link (behaviours.md 25): pages count from 0,
// junk means the default.
func (c *call) window(total int) window {
	page, size := "page", "per_page"
	q := c.r.URL.Query()
	if q.Has("page_size") || q.Has("page_token") {
		page, size = "page_token", "page_size"
	}
	per := clamp(q.Get(size), 250, 1, 1000)
	n := clamp(q.Get(page), 0, 0, 1<<31)
	last := max(0, (total-1)/per)
	var links []string
	add := func(rel string, n int) {
		u := c.self() + "?" + url.Values{page: {strconv.Itoa(n)}, size: {strconv.Itoa(per)}}.Encode()
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
	return window{min(n*per, total), min((n+1)*per, total)}
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
