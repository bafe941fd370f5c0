package storage

import "fmt"

// root builds the keys of the installation, which stand beside those of its projects.
type root struct{}

var rooted root

const (
	rootRecords   = "projects/records/"
	rootRevisions = "projects/revisions/"
	rootSlugs     = "projects/slugs/"
	rootHosts     = "projects/hosts/"
	rootActive    = "projects/active/"
	rootPurges    = "projects/purges/"
)

func (root) project(id string) string { return rootRecords + part(id) }
func (root) slug(slug string) string  { return rootSlugs + part(slug) }
func (root) host(host string) string  { return rootHosts + part(host) }
func (root) active(who string) string { return rootActive + part(who) }
func (root) purge(id string) string   { return rootPurges + part(id) }

func (root) revisions(project string) string { return rootRevisions + part(project) + "/" }

// revision sorts by number.
func (r root) revision(project string, number int) string {
	return r.revisions(project) + fmt.Sprintf("%010d", number)
}
