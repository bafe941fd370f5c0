package testenv

import "net/http"

// Answer is a response that has been read.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	JSON   map[string]any // nil when the body is no JSON object
}

// At follows keys and indexes into the JSON of an answer; nil when there is nothing.
func (a *Answer) At(path ...any) any {
	var v any = a.JSON
	for _, p := range path {
		switch k := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[k]
		case int:
			l, _ := v.([]any)
			if k >= len(l) {
				return nil
			}
			v = l[k]
		}
	}
	return v
}

// Text is At for text.
func (a *Answer) Text(path ...any) string {
	s, _ := a.At(path...).(string)
	return s
}

// Node finds a node of a flow by its name or, where it is no field, by its id.
func (a *Answer) Node(name string) map[string]any {
	nodes, _ := a.At("ui", "nodes").([]any)
	for _, n := range nodes {
		m, _ := n.(map[string]any)
		if at, _ := m["attributes"].(map[string]any); at["name"] == name || at["id"] == name {
			return m
		}
	}
	return nil
}

// CSRF is the token in the form of a flow.
func (a *Answer) CSRF() string {
	at, _ := a.Node("csrf_token")["attributes"].(map[string]any)
	s, _ := at["value"].(string)
	return s
}

// MessageIDs lists the ids of the global messages of a flow and of those at its nodes.
func (a *Answer) MessageIDs() []int {
	var ids []int
	add := func(v any) {
		list, _ := v.([]any)
		for _, m := range list {
			if id, ok := m.(map[string]any)["id"].(float64); ok {
				ids = append(ids, int(id))
			}
		}
	}
	add(a.At("ui", "messages"))
	nodes, _ := a.At("ui", "nodes").([]any)
	for _, n := range nodes {
		add(n.(map[string]any)["messages"])
	}
	return ids
}

// Value is what a field of a flow's form holds; nil when it is empty or not there.
func (a *Answer) Value(name string) any {
	at, _ := a.Node(name)["attributes"].(map[string]any)
	return at["value"]
}

// Cookie finds a cookie that the answer sets; nil when it doesn't.
func (a *Answer) Cookie(name string) *http.Cookie {
	for _, k := range (&http.Response{Header: a.Header}).Cookies() {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// Location is where a redirect leads.
func (a *Answer) Location() string { return a.Header.Get("Location") }
