// The project operations of the seed's client, on an origin that asks for tokens: once for success, and once for each
// error that its document names.
import ory from '@ory/client'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { email, password, refused, watched } from './client.mjs'

const url = process.env.GATEHOUSE_CLOSED_URL
const operator = process.env.GATEHOUSE_TOKEN

const projects = (token) => watched(new ory.V0alpha0Api(new ory.Configuration({
  basePath: url, baseOptions: token ? { headers: { authorization: `Bearer ${token}` } } : {}
})))
const admin = new ory.V0alpha2Api(new ory.Configuration({ basePath: url, baseOptions: { headers: { authorization: `Bearer ${operator}` } } }))

const unknown = randomUUID()
const nobody = projects()
const root = projects(operator)
const slug = () => 'contract-' + randomUUID().slice(0, 8)

// call sends what no client has an operation for.
async function call (method, path, body, token = operator) {
  const res = await fetch(process.env.GATEHOUSE_OWN_URL + path, {
    method, body: JSON.stringify(body), headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  })
  assert.ok(res.ok, `${method} ${path}: ${res.status} ${await res.clone().text()}`)
  return res.json()
}

// person is an identity of the console project with a token of its own.
async function person (...scopes) {
  const { data: identity } = await admin.adminCreateIdentity({ schema_id: 'default', traits: { email: email() }, credentials: { password: { config: { password } } } })
  const token = await call('POST', '/admin/tokens', { name: 'contract', scopes, identity_id: identity.id })
  return { id: identity.id, email: identity.traits.email, api: projects(token.value) }
}

const ann = await person('projects:write')
const eve = await person('projects:write') // a member of nothing
const reader = await person('projects:read')
const { data: project } = await ann.api.createProject({ name: 'Contract', slug: slug() })

test('create', async () => {
  assert.equal(project.current_revision.name, 'Contract')
  assert.deepEqual(project.revisions.map((r) => r.id), [project.current_revision.id])
  assert.match(project.hosts[0], new RegExp(`^${project.slug}\\.`))
  await refused(nobody.createProject({ name: 'x' }), 401, 'no token')
  await refused(reader.api.createProject({ name: 'x' }), 403, 'a token that may only read')
})

test('list and get', async () => {
  const { data: all } = await ann.api.listProjects()
  assert.deepEqual(all.map((p) => p.id), [project.id])
  await refused(nobody.listProjects(), 401, 'no token')
  const other = projects((await call('POST', '/admin/tokens', { name: 'other', scopes: ['identities:read'] })).value)
  await refused(other.listProjects(), 403, 'a token for identities only')

  const { data: got } = await ann.api.getProject(project.id)
  assert.deepEqual(got, project)
  await refused(nobody.getProject(project.id), 401, 'no token')
  await refused(eve.api.getProject(project.id), 403, 'somebody who is no member')
  await refused(root.getProject(unknown), 404, 'a project that does not exist')
})

test('update', async () => {
  const { data: changed } = await ann.api.updateProject(project.id, { ...project.current_revision, name: 'Changed', kratos_session_lifespan: '2h', kratos_selfservice_methods_webauthn_config_rp_icon: 'https://x.example/i.png' })
  assert.deepEqual(changed.warnings.map((w) => w.code), [1003])
  assert.equal(changed.current_revision.kratos_session_lifespan, '2h')
  assert.equal(changed.revisions.length, 2)
  assert.doesNotMatch(JSON.stringify(changed), /"kratos_secrets_default":\["(?!redacted:)/)
  await refused(nobody.updateProject(project.id, { name: 'x' }), 401, 'no token')
  await refused(eve.api.updateProject(project.id, { name: 'x' }), 403, 'somebody who is no member')
  await refused(root.updateProject(unknown, { name: 'x' }), 404, 'a project that does not exist')
})

test('configuration', async () => {
  const { data } = await ann.api.updateProjectConfig(project.id, {
    identity: { version: 'v0.8.0', dsn: 'memory', session: { lifespan: '3h' }, selfservice: { methods: { password: { config: { min_password_length: 10 } } } } }
  })
  assert.equal(data.project.current_revision.kratos_session_lifespan, '3h')
  assert.deepEqual(data.warnings.map((w) => w.code).sort(), [1001, 1002])
  const wrong = { identity: { session: { lifespann: '3h' } } }
  await refused(ann.api.updateProjectConfig(project.id, wrong), 400, 'a key that Kratos does not have')
  await refused(nobody.updateProjectConfig(project.id, wrong), 401, 'no token')
  await refused(eve.api.updateProjectConfig(project.id, wrong), 403, 'somebody who is no member')
  await refused(root.updateProjectConfig(unknown, wrong), 404, 'a project that does not exist')
})

test('members', async () => {
  await call('POST', `/backoffice/public/projects/${project.id}/members`, { identity_id: reader.id, role: 'DEVELOPER' })
  const { data: members } = await reader.api.getProjectMembers(project.id)
  assert.deepEqual(members.map((m) => m.email), [ann.email, reader.email])
  await refused(nobody.getProjectMembers(project.id), 401, 'no token')
  await ann.api.removeProjectMember(project.id, reader.id)
  await refused(ann.api.removeProjectMember(project.id, ann.id), 400, 'the last owner')
  await refused(nobody.removeProjectMember(project.id, ann.id), 401, 'no token')
})

test('active', async () => {
  const { data: none } = await ann.api.getActiveProject()
  assert.deepEqual(none, {})
  await ann.api.setActiveProject({ project_id: project.id })
  const { data: active } = await ann.api.getActiveProject()
  assert.equal(active.project_id, project.id)
  await refused(nobody.getActiveProject(), 401, 'no token')
  await refused(nobody.setActiveProject({ project_id: project.id }), 401, 'no token')
})

test('purge', async () => {
  await refused(nobody.purgeProject(project.id), 401, 'no token')
  await refused(eve.api.purgeProject(project.id), 403, 'somebody who is no member')
  await ann.api.purgeProject(project.id)
  await refused(ann.api.purgeProject(project.id), 404, 'a project that does not exist any more')
})
