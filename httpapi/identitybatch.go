package httpapi

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/core/apierror"
	"github.com/gatehouse-id/gatehouse/core/identity"
	"github.com/gatehouse-id/gatehouse/core/selfservice"
)

// Limits of a batch. Clear-text passwords have to be hashed while the client waits.
const (
	maxBatch          = 1000
	maxBatchPasswords = 200
	maxBatchBody      = 8 << 20 // bytes
	maxBatchKeys      = 200_000
)

// batchBody is the body of PATCH /identities.
type batchBody struct {
	Identities []struct {
		Create  *takenOverBody `json:"create"`
		PatchID *uuid.UUID     `json:"patch_id"`
	} `json:"identities"`
}

// takenOverBody is an identity that another server may have had: it can keep its id, by which other systems know it, and
// its age.
type takenOverBody struct {
	identityBody
	ID        *uuid.UUID `json:"id"`
	CreatedAt time.Time  `json:"created_at"`
}

// createIdentities serves PATCH /identities of the admin API: every identity is made or refused for itself.
func (c *call) createIdentities() error {
	var b batchBody
	if err := c.decodeBatch(&b); err != nil {
		return err
	}
	made := c.createBatch(b)
	items, failed := make([]map[string]any, len(made)), 0
	for n, m := range made {
		items[n] = c.batchItem(m)
		if b.Identities[n].PatchID != nil {
			items[n]["patch_id"] = b.Identities[n].PatchID
		}
		if m.Err != nil {
			failed++
		}
	}
	if failed > 0 && failed == len(made) {
		// As a request of its own would have been answered, with the results beside it.
		e := known(made[0].Err)
		body := e.Body(c.r.Header.Get("X-Request-ID"))
		body["identities"] = items
		return c.json(e.Status(), body)
	}
	return c.json(http.StatusOK, map[string]any{"identities": items})
}

func (c *call) decodeBatch(b *batchBody) error {
	raw, err := c.readLargeJSON(maxBatchBody, maxBatchKeys)
	if err != nil {
		return err
	}
	if err := strictly(raw, b); err != nil {
		return err
	}
	if len(b.Identities) > maxBatch {
		return apierror.BadRequest("No more than %d identities can be made at a time.", maxBatch)
	}
	passwords := 0
	for _, p := range b.Identities {
		if p.Create != nil && p.Create.hasClearText() {
			passwords++
		}
	}
	if passwords > maxBatchPasswords {
		return apierror.BadRequest("No more than %d identities with a password in clear text can be made at a time.", maxBatchPasswords)
	}
	return nil
}

// hasClearText tells whether a password will have to be hashed.
func (b *identityBody) hasClearText() bool {
	var p struct {
		Password string `json:"password"`
	}
	config := b.Credentials[identity.Password].Config
	return len(config) > 0 && strictly(config, &p) == nil && p.Password != ""
}

// createBatch makes what can be made, and tells of each why not.
func (c *call) createBatch(b batchBody) []selfservice.Created {
	out := make([]selfservice.Created, len(b.Identities))
	var good []selfservice.Account
	var place []int
	for n, p := range b.Identities {
		if p.Create == nil {
			out[n].Err = apierror.BadRequest("The only patch that can be made here is create.")
			continue
		}
		account, err := c.takenOver(*p.Create)
		if err != nil {
			out[n].Err = err
			continue
		}
		good, place = append(good, account), append(place, n)
	}
	for n, made := range c.s.Accounts.CreateMany(c.r.Context(), good) {
		out[place[n]] = made
	}
	return out
}

func (c *call) takenOver(b takenOverBody) (selfservice.Account, error) {
	n, err := c.account(b.identityBody)
	if err != nil {
		return n, err
	}
	n.CreatedAt = b.CreatedAt
	if b.ID != nil {
		n.ID = b.ID.String()
	}
	return n, nil
}

func (c *call) batchItem(m selfservice.Created) map[string]any {
	if m.Err == nil {
		c.changedIdentity("identity.create", m.Identity.ID)
		return map[string]any{"action": "create", "identity": m.Identity.ID}
	}
	e := known(m.Err)
	c.s.logFailure(c.r, e)
	return map[string]any{"action": "error", "error": e.Payload("")}
}
