// @ory/kratos-client as it is today: the mount at the root.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import kratos from '@ory/kratos-client'
import { csrf, email, jar, messages, password, refused, url } from './client.mjs'

const configuration = new kratos.Configuration({ basePath: url })
const api = new kratos.FrontendApi(configuration)
const admin = new kratos.IdentityApi(configuration)

async function signUp (who) {
  const { data: flow } = await api.createNativeRegistrationFlow()
  const { data } = await api.updateRegistrationFlow({ flow: flow.id, updateRegistrationFlowBody: { method: 'password', password, traits: { email: who } } })
  return data
}

test('a native client registers, signs in and out', async () => {
  const who = email()
  const { identity } = await signUp(who)
  const { data: flow } = await api.createNativeLoginFlow()
  const { data: login } = await api.updateLoginFlow({ flow: flow.id, updateLoginFlowBody: { method: 'password', identifier: who, password } })
  const { data: session } = await api.toSession({ xSessionToken: login.session_token })
  assert.equal(session.identity.id, identity.id)

  await api.performNativeLogout({ performNativeLogoutBody: { session_token: login.session_token } })
  const { error } = await refused(api.toSession({ xSessionToken: login.session_token }), 401)
  assert.equal(error.code, 401)
})

test('a browser registers, signs out and in again', async () => {
  const [browser, who] = [jar(), email()]
  const { data: flow } = browser.keep(await api.createBrowserRegistrationFlow())
  browser.keep(await api.updateRegistrationFlow({
    flow: flow.id, cookie: browser.header, updateRegistrationFlowBody: { method: 'password', password, traits: { email: who }, csrf_token: csrf(flow) }
  }))
  assert.equal((await api.toSession({ cookie: browser.header })).data.identity.traits.email, who)
  await signOut(browser)

  const { data: login } = browser.keep(await api.createBrowserLoginFlow({ cookie: browser.header }))
  const { data: again } = await api.getLoginFlow({ id: login.id, cookie: browser.header })
  assert.equal(again.id, login.id)
  browser.keep(await api.updateLoginFlow({
    flow: login.id, cookie: browser.header, updateLoginFlowBody: { method: 'password', identifier: who, password, csrf_token: csrf(again) }
  }))
  assert.equal((await api.toSession({ cookie: browser.header })).data.identity.traits.email, who)
  await signOut(browser)
})

async function signOut (browser) {
  const { data: { logout_token: token } } = await api.createBrowserLogoutFlow({ cookie: browser.header })
  const session = browser.header
  const { status } = browser.keep(await api.updateLogoutFlow({ token, cookie: session }))
  assert.equal(status, 204)
  await refused(api.toSession({ cookie: session }), 401)
}

test('a wrong password and a second account are told in the flow', async () => {
  const who = email()
  await signUp(who)
  const { data: login } = await api.createNativeLoginFlow()
  const wrong = await refused(api.updateLoginFlow({
    flow: login.id, updateLoginFlowBody: { method: 'password', identifier: who, password: 'another-password' }
  }), 400)
  assert.ok(messages(wrong).includes(4000006))
  const { data: registration } = await api.createNativeRegistrationFlow()
  const twice = await refused(api.updateRegistrationFlow({
    flow: registration.id, updateRegistrationFlowBody: { method: 'password', password, traits: { email: who } }
  }), 400)
  assert.ok(messages(twice).includes(4000007))
})

test('an operator makes, finds and deletes an identity', async () => {
  const who = email()
  const { data: made } = await admin.createIdentity({ createIdentityBody: { schema_id: 'default', traits: { email: who } } })
  assert.equal((await admin.getIdentity({ id: made.id })).data.traits.email, who)
  assert.ok((await admin.listIdentities()).data.some((i) => i.id === made.id))
  assert.equal((await admin.deleteIdentity({ id: made.id })).status, 204)
  await refused(admin.getIdentity({ id: made.id }), 404)
})
