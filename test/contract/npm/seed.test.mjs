// @ory/client 0.0.1-alpha.101, the client of the seed: one base URL, and a prefix for each API.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import ory from '@ory/client'
import { csrf, email, jar, messages, password, refused, url } from './client.mjs'

const api = new ory.V0alpha2Api(new ory.Configuration({ basePath: url }))
const mount = `${url}/api/kratos/public/`

async function signUp (who) {
  const { data: flow } = await api.initializeSelfServiceRegistrationFlowWithoutBrowser()
  assert.ok(flow.ui.action.startsWith(mount), flow.ui.action)
  const { data } = await api.submitSelfServiceRegistrationFlow(flow.id, { method: 'password', password, traits: { email: who } })
  return data
}

test('a native client registers, signs in and out', async () => {
  const who = email()
  const { identity } = await signUp(who)
  assert.equal(identity.traits.email, who)

  const { data: flow } = await api.initializeSelfServiceLoginFlowWithoutBrowser()
  assert.ok(flow.ui.nodes.some((n) => n.attributes.name === 'password_identifier' && n.group === 'password'))
  const { data: login } = await api.submitSelfServiceLoginFlow(flow.id, undefined, { method: 'password', password_identifier: who, password })
  const { data: session } = await api.toSession(login.session_token)
  assert.equal(session.identity.id, identity.id)
  assert.equal(session.authenticator_assurance_level, 'aal1')

  await api.submitSelfServiceLogoutFlowWithoutBrowser({ session_token: login.session_token })
  const { error } = await refused(api.toSession(login.session_token), 401)
  assert.equal(error.id, 'session_inactive')
})

test('a browser registers, signs out and in again', async () => {
  const [browser, who] = [jar(), email()]
  const { data: flow } = browser.keep(await api.initializeSelfServiceRegistrationFlowForBrowsers())
  browser.keep(await api.submitSelfServiceRegistrationFlow(flow.id,
    { method: 'password', password, traits: { email: who }, csrf_token: csrf(flow) }, browser.options))
  assert.equal((await api.toSession(undefined, browser.header)).data.identity.traits.email, who)
  await signOut(browser)

  const { data: login } = browser.keep(await api.initializeSelfServiceLoginFlowForBrowsers(undefined, undefined, undefined, browser.options))
  const { data: again } = await api.getSelfServiceLoginFlow(login.id, browser.header)
  assert.equal(again.id, login.id)
  browser.keep(await api.submitSelfServiceLoginFlow(login.id, undefined,
    { method: 'password', password_identifier: who, password, csrf_token: csrf(again) }, browser.options))
  assert.equal((await api.toSession(undefined, browser.header)).data.identity.traits.email, who)
  await signOut(browser)
})

async function signOut (browser) {
  const { data: { logout_url: link, logout_token: token } } = await api.createSelfServiceLogoutFlowUrlForBrowsers(browser.header)
  assert.ok(link.startsWith(`${mount}self-service/logout?`), link)
  const session = browser.header
  const { status } = browser.keep(await api.submitSelfServiceLogoutFlow(token, undefined, browser.options))
  assert.equal(status, 204)
  await refused(api.toSession(undefined, session), 401)
}

test('a wrong password and a second account are told in the flow', async () => {
  const who = email()
  await signUp(who)
  const { data: login } = await api.initializeSelfServiceLoginFlowWithoutBrowser()
  const wrong = await refused(api.submitSelfServiceLoginFlow(login.id, undefined,
    { method: 'password', password_identifier: who, password: 'another-password' }), 400)
  assert.ok(messages(wrong).includes(4000006))
  const { data: registration } = await api.initializeSelfServiceRegistrationFlowWithoutBrowser()
  const twice = await refused(api.submitSelfServiceRegistrationFlow(registration.id, { method: 'password', password, traits: { email: who } }), 400)
  assert.ok(messages(twice).includes(4000007))
})

test('an operator makes, finds and deletes an identity', async () => {
  const who = email()
  const { data: made } = await api.adminCreateIdentity({ schema_id: 'default', traits: { email: who } })
  assert.equal((await api.adminGetIdentity(made.id)).data.traits.email, who)
  assert.ok((await api.adminListIdentities()).data.some((i) => i.id === made.id))
  assert.equal((await api.adminDeleteIdentity(made.id)).status, 204)
  await refused(api.adminGetIdentity(made.id), 404)
})
