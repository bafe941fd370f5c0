package project

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Console is the name of the project that the configuration file describes. It is there
// without anybody making it, its people are those who may be members of other projects,
// and the project API neither shows nor changes it.
const Console = "default"

// State says whether a project answers.
type State string

// States of a project.
const (
	Running State = "running"
	Halted  State = "halted"
)

// Project is a pool of users of its own: people, keys, secrets, schemas and pages that no
// other project sees. The JSON tags are those of the stored record, which doesn't hold the
// revision itself.
type Project struct {
	ID    string `json:"id"`   // a UUID; names the project in every key
	Slug  string `json:"slug"` // a DNS label, the first one of the host that every project has
	State State  `json:"state"`
	// Hosts are names beside that of the slug. Links lead to the first one.
	Hosts   []string `json:"hosts,omitempty"`
	Members []Member `json:"members,omitempty"`
	// Number counts the revisions, the current one included.
	Number    int       `json:"number"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`

	// Current is the revision in force; nil where only the project was read.
	Current *Revision `json:"-"`
	// Made and Changed are the revisions of the store that created the record and changed it last.
	Made, Changed int64 `json:"-"`
}

// Role is what a member may do.
type Role string

// Roles of members. An owner may do what a developer may, and decides about members and
// about the end of the project.
const (
	Owner     Role = "OWNER"
	Developer Role = "DEVELOPER"
)

// Member is an identity of the console project that works on a project.
type Member struct {
	IdentityID string    `json:"identity_id"`
	Role       Role      `json:"role"`
	Since      time.Time `json:"since"`
}

// MaxMembers bounds the members of a project.
const MaxMembers = 100

// Errors about projects.
var (
	// ErrUnknownProject says that there is no project of that id, slug or host.
	ErrUnknownProject = errors.New("project: no such project")
	// ErrRaced says that somebody else changed the project meanwhile.
	ErrRaced = errors.New("project: it was changed by somebody else")
)

// TakenError says that a name belongs to another project.
type TakenError struct{ Name string }

func (e *TakenError) Error() string {
	return fmt.Sprintf("project: %q belongs to another project", e.Name)
}

// RoleOf is the role of an identity; "" when it is no member.
func (p *Project) RoleOf(identityID string) Role {
	for _, m := range p.Members {
		if m.IdentityID == identityID && identityID != "" {
			return m.Role
		}
	}
	return ""
}

// owners counts the members that decide.
func (p *Project) owners() int {
	n := 0
	for _, m := range p.Members {
		if m.Role == Owner {
			n++
		}
	}
	return n
}

// setMember adds a member or changes its role.
func (p *Project) setMember(m Member) {
	at := slices.IndexFunc(p.Members, func(x Member) bool { return x.IdentityID == m.IdentityID })
	if at < 0 {
		p.Members = append(p.Members, m)
		return
	}
	p.Members[at].Role = m.Role
}

func (p *Project) removeMember(identityID string) {
	p.Members = slices.DeleteFunc(p.Members, func(m Member) bool { return m.IdentityID == identityID })
}
