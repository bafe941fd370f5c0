package contract

import (
	"encoding/json"
	"net/http"
	"testing"

	client "github.com/ory/client-go"

	"github.com/gatehouse-id/gatehouse/test/harness"
)

// commandLine is the client that Kratos' own command line makes of --endpoint: everything goes to the admin listener, and
// redirects are followed.
func commandLine(t *testing.T, endpoint string) client.IdentityAPI {
	c := client.NewConfiguration()
	c.Servers = client.ServerConfigurations{{URL: endpoint}}
	c.HTTPClient = &http.Client{Transport: recorder{t}}
	return client.NewAPIClient(c).IdentityAPI
}

// TestKratosCommandLine makes the calls of "kratos import|list|get|validate|patch|delete identities".
func TestKratosCommandLine(t *testing.T) {
	gw := harness.Start(t, harness.Options{Adapter: "kratos"})
	api, ctx := commandLine(t, gw.Admin), t.Context()

	var body client.CreateIdentityBody // as it stands in the file
	file := `{"schema_id":"default","traits":{"email":"ann@example.org"},"credentials":{"password":{"config":{"hashed_password":"$2a$04$zyQXmKuRSUvA1pVLiZkWl.nrtqDqg0XsXWFxMB9Ty6j7/5kNmZsve"}}},
		"verifiable_addresses":[{"value":"ann@example.org","verified":true,"via":"email","status":"completed"}],"metadata_public":{"plan":"gold"}}`
	if err := json.Unmarshal([]byte(file), &body); err != nil {
		t.Fatal(err)
	}
	schema, res, err := api.GetIdentitySchema(ctx, body.SchemaId).Execute() // validate compares the file with it
	check(t, "reading the schema", res, err, 200)
	if schema["properties"] == nil {
		t.Errorf("the schema: got %v", schema)
	}
	made, res, err := api.CreateIdentity(ctx).CreateIdentityBody(body).Execute()
	check(t, "import", res, err, 201)
	_, res, err = api.CreateIdentity(ctx).CreateIdentityBody(body).Execute()
	refused[client.ErrorGeneric](t, "importing it again", res, err, 409)

	list, res, err := api.ListIdentities(ctx).PageSize(100).PageToken("").Execute()
	check(t, "list", res, err, 200)
	old, res, err := api.ListIdentities(ctx).Page(0).PerPage(100).Execute()
	check(t, "list, as older ones do", res, err, 200)
	if len(list) != 1 || len(old) != 1 || list[0].Id != made.Id {
		t.Errorf("listed are %d, and %d", len(list), len(old))
	}
	got, res, err := api.GetIdentity(ctx, made.Id).IncludeCredential([]string{"oidc", "password"}).Execute()
	check(t, "get", res, err, 200)
	if !got.VerifiableAddresses[0].Verified || got.MetadataPublic["plan"] != "gold" {
		t.Errorf("got %+v", got)
	}
	changed, res, err := api.PatchIdentity(ctx, made.Id).JsonPatch([]client.JsonPatch{{Op: "replace", Path: "/state", Value: "inactive"}}).Execute()
	check(t, "patch", res, err, 200)
	if changed.GetState() != "inactive" {
		t.Errorf("patched: got %v", changed.GetState())
	}
	res, err = api.DeleteIdentity(ctx, made.Id).Execute()
	check(t, "delete", res, err, 204)
	res, err = api.DeleteIdentity(ctx, made.Id).Execute()
	refused[client.ErrorGeneric](t, "deleting it again", res, err, 404)
}
