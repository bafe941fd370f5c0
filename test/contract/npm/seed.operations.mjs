// Every operation of the seed's client: once for success, and once for each error that its document names.
import ory from '@ory/client'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { csrf, email, foreign, jar, password, refused, refusedInTime, url, watched } from './client.mjs'

const at = (url) => new ory.Configuration({ basePath: url })
const api = watched(new ory.V0alpha2Api(at(url)))
const metadata = watched(new ory.MetadataApi(at(url)))
// The same with flows and fresh sign-ins that last a second, and with a store that can't be reached.
const hasty = watched(new ory.V0alpha2Api(at(process.env.GATEHOUSE_HASTY_URL)))
const cutOff = watched(new ory.MetadataApi(at(process.env.GATEHOUSE_CUT_OFF_URL)))

const unknown = randomUUID()
const elsewhere = { params: { return_to: foreign } }

async function signUp (client = api, who = email()) {
  const { data: flow } = await client.initializeSelfServiceRegistrationFlowWithoutBrowser()
  const { data } = await client.submitSelfServiceRegistrationFlow(flow.id, { method: 'password', password, traits: { email: who } })
  return { who, id: data.identity.id, token: data.session_token, session: data.session.id }
}

async function signIn (who) {
  const { data: flow } = await api.initializeSelfServiceLoginFlowWithoutBrowser()
  const { data } = await api.submitSelfServiceLoginFlow(flow.id, undefined, { method: 'password', password, password_identifier: who })
  return { flow: flow.id, token: data.session_token, session: data.session.id }
}

// signedInBrowser is the jar of a browser that has just registered.
async function signedInBrowser () {
  const browser = jar()
  const { data: flow } = browser.keep(await api.initializeSelfServiceRegistrationFlowForBrowsers())
  browser.keep(await api.submitSelfServiceRegistrationFlow(flow.id,
    { method: 'password', password, traits: { email: email() }, csrf_token: csrf(flow) }, browser.options))
  return browser
}

test('what needs nobody', async () => {
  await api.getWebAuthnJavaScript()
  await metadata.isAlive()
  await metadata.isReady()
  await refused(cutOff.isReady(), 503, 'the store can not be reached')
  await metadata.getVersion()
  await api.listIdentitySchemas()
  await api.getJsonSchema('default')
  await refused(api.getJsonSchema('unknown'), 404, 'a schema that does not exist')
  await api.getSelfServiceError('stub:500')
  await refused(api.getSelfServiceError(unknown), 404, 'an error that nobody met')
})

test('login', async () => {
  const { who, token } = await signUp()
  const { flow } = await signIn(who)
  await refused(api.initializeSelfServiceLoginFlowWithoutBrowser(undefined, undefined, token), 400, 'somebody who is signed in')
  const browser = jar()
  const { data: own } = browser.keep(await api.initializeSelfServiceLoginFlowForBrowsers())
  await refused(api.initializeSelfServiceLoginFlowForBrowsers(undefined, undefined, foreign), 400, 'a return_to on a site that is not allowed')
  await api.getSelfServiceLoginFlow(own.id, browser.header)
  await refused(api.getSelfServiceLoginFlow(own.id), 403, 'the flow of another browser')
  await refused(api.getSelfServiceLoginFlow(unknown), 404, 'a flow that does not exist')
  await refused(api.getSelfServiceLoginFlow(flow), 410, 'a flow that is completed')
  await refused(api.submitSelfServiceLoginFlow(own.id, undefined,
    { method: 'password', password: 'another one', password_identifier: who, csrf_token: csrf(own) }, browser.options), 400, 'a wrong password')
})

test('registration', async () => {
  const { who, token } = await signUp()
  const browser = jar()
  const { data: own } = browser.keep(await api.initializeSelfServiceRegistrationFlowForBrowsers())
  await refused(api.initializeSelfServiceRegistrationFlowWithoutBrowser({ headers: { 'X-Session-Token': token } }), 400, 'somebody who is signed in')
  await api.getSelfServiceRegistrationFlow(own.id, browser.header)
  await refused(api.getSelfServiceRegistrationFlow(own.id), 403, 'the flow of another browser')
  await refused(api.getSelfServiceRegistrationFlow(unknown), 404, 'a flow that does not exist')
  const again = { method: 'password', password, traits: { email: who } }
  await refused(api.submitSelfServiceRegistrationFlow(own.id, { ...again, csrf_token: csrf(own) }, browser.options), 400, 'an address that has an account')

  const { data: flow } = await api.initializeSelfServiceRegistrationFlowWithoutBrowser()
  await api.submitSelfServiceRegistrationFlow(flow.id, { ...again, traits: { email: email() } })
  await refused(api.getSelfServiceRegistrationFlow(flow.id), 410, 'a flow that is completed')
})

test('a third party', async () => {
  const byBrowser = 'a third party, to which the browser has to go'
  const browser = jar()
  const { data: own } = browser.keep(await api.initializeSelfServiceLoginFlowForBrowsers())
  const acme = (flow) => ({ method: 'oidc', provider: 'acme', csrf_token: csrf(flow) })
  const { redirect_browser_to: there } = await refused(api.submitSelfServiceLoginFlow(own.id, undefined, acme(own), browser.options), 422, byBrowser)
  assert.equal(new URL(new URL(there).searchParams.get('redirect_uri')).pathname, '/api/kratos/public/self-service/methods/oidc/callback/acme')
  const { data: up } = await api.initializeSelfServiceRegistrationFlowForBrowsers(undefined, browser.options)
  await refused(api.submitSelfServiceRegistrationFlow(up.id, acme(up), browser.options), 422, byBrowser)
  const ann = await signedInBrowser()
  const { data: form } = await api.initializeSelfServiceSettingsFlowForBrowsers(undefined, ann.options)
  await refused(api.submitSelfServiceSettingsFlow(form.id, undefined, { method: 'oidc', link: 'acme', csrf_token: csrf(form) }, ann.options), 422, byBrowser)
})

test('logout', async () => {
  const { token } = await signUp()
  await api.submitSelfServiceLogoutFlowWithoutBrowser({ session_token: token })
  await refused(api.submitSelfServiceLogoutFlowWithoutBrowser({ session_token: 42 }), 400, 'a token that is no string')
  const browser = await signedInBrowser()
  await refused(api.createSelfServiceLogoutFlowUrlForBrowsers(), 401, 'nobody is signed in')
  const { data: out } = await api.createSelfServiceLogoutFlowUrlForBrowsers(browser.header)
  await api.submitSelfServiceLogoutFlow(out.logout_token, undefined, browser.options)
})

test('settings', async () => {
  const [{ token }, browser] = [await signUp(), await signedInBrowser()]
  await api.initializeSelfServiceSettingsFlowForBrowsers(undefined, browser.options)
  await refused(api.initializeSelfServiceSettingsFlowForBrowsers(foreign, browser.options), 400, 'a return_to on a site that is not allowed')
  await refused(api.initializeSelfServiceSettingsFlowForBrowsers(), 401, 'nobody is signed in')
  const { data: flow } = await api.initializeSelfServiceSettingsFlowWithoutBrowser(token)
  await refused(api.initializeSelfServiceSettingsFlowWithoutBrowser(token, elsewhere), 400, 'a return_to on a site that is not allowed')
  await api.getSelfServiceSettingsFlow(flow.id, token)
  await refused(api.getSelfServiceSettingsFlow(flow.id), 401, 'nobody is signed in')
  await refused(api.getSelfServiceSettingsFlow(flow.id, (await signUp()).token), 403, 'the flow of somebody else')
  await refused(api.getSelfServiceSettingsFlow(unknown, token), 404, 'a flow that does not exist')
  await api.submitSelfServiceSettingsFlow(flow.id, token, { method: 'password', password: 'another-battery-staple' })
  await refused(api.submitSelfServiceSettingsFlow(flow.id, token, { method: 'password', password: '1' }), 400, 'a short password')
  await refused(api.submitSelfServiceSettingsFlow(flow.id, undefined, { method: 'password', password }), 401, 'nobody is signed in')
})

test('settings that were left open', async () => {
  const { token } = await signUp(hasty)
  const start = () => hasty.initializeSelfServiceSettingsFlowWithoutBrowser(token)
  const { data: flow } = await start()
  await refusedInTime(() => hasty.getSelfServiceSettingsFlow(flow.id, token), 410, 'a flow that has expired')
  await refusedInTime(async () => hasty.submitSelfServiceSettingsFlow((await start()).data.id, token, { method: 'password', password: randomUUID() }),
    403, 'a new password long after the sign-in')
})

test('recovery', async () => {
  const { who, token } = await signUp()
  const { data: flow } = await api.initializeSelfServiceRecoveryFlowWithoutBrowser()
  await refused(api.initializeSelfServiceRecoveryFlowWithoutBrowser({ headers: { 'X-Session-Token': token } }), 400, 'somebody who is signed in')
  await api.initializeSelfServiceRecoveryFlowForBrowsers()
  await refused(api.initializeSelfServiceRecoveryFlowForBrowsers(foreign), 400, 'a return_to on a site that is not allowed')
  await api.getSelfServiceRecoveryFlow(flow.id)
  await refused(api.getSelfServiceRecoveryFlow(unknown), 404, 'a flow that does not exist')
  await api.submitSelfServiceRecoveryFlow(flow.id, undefined, { method: 'link', email: who })
  await refused(api.submitSelfServiceRecoveryFlow(flow.id, undefined, { method: 'link', email: 'nowhere' }), 400, 'an address that is none')
  const { data: brief } = await hasty.initializeSelfServiceRecoveryFlowWithoutBrowser()
  await refusedInTime(() => hasty.getSelfServiceRecoveryFlow(brief.id), 410, 'a flow that has expired')
})

test('verification', async () => {
  const { who } = await signUp()
  const browser = jar()
  const { data: own } = browser.keep(await api.initializeSelfServiceVerificationFlowForBrowsers())
  const { data: flow } = await api.initializeSelfServiceVerificationFlowWithoutBrowser()
  await refused(api.initializeSelfServiceVerificationFlowWithoutBrowser(elsewhere), 400, 'a return_to on a site that is not allowed')
  await api.getSelfServiceVerificationFlow(own.id, browser.header)
  await refused(api.getSelfServiceVerificationFlow(own.id), 403, 'the flow of another browser')
  await refused(api.getSelfServiceVerificationFlow(unknown), 404, 'a flow that does not exist')
  await api.submitSelfServiceVerificationFlow(flow.id, undefined, { method: 'link', email: who })
  await refused(api.submitSelfServiceVerificationFlow(flow.id, undefined, { method: 'link', email: 'nowhere' }), 400, 'an address that is none')
})

test('sessions', async () => {
  const { who, token, session } = await signUp()
  const other = await signIn(who)
  await api.toSession(token)
  await refused(api.toSession(), 401, 'nobody is signed in')
  const { data: others } = await api.listSessions(token)
  assert.deepEqual(others.map((s) => s.id), [other.session])
  await refused(api.listSessions(), 401, 'nobody is signed in')
  await api.revokeSession(other.session, { headers: { 'X-Session-Token': token } })
  await refused(api.revokeSession(session, { headers: { 'X-Session-Token': token } }), 400, 'the session of the request itself')
  await refused(api.revokeSession(session), 401, 'nobody is signed in')
  await api.revokeSessions(token)
  await refused(api.revokeSessions(), 401, 'nobody is signed in')
})

test('identities', async () => {
  const body = { schema_id: 'default', traits: { email: email() } }
  const { data: made } = await api.adminCreateIdentity(body)
  await refused(api.adminCreateIdentity({ ...body, traits: {} }), 400, 'traits that break the schema')
  await refused(api.adminCreateIdentity(body), 409, 'an address that has an account')
  await api.adminListIdentities()
  await api.adminGetIdentity(made.id)
  const { data: other } = await api.adminCreateIdentity({ ...body, traits: { email: email() } })
  const change = { ...body, state: 'active', traits: { email: email() } }
  await api.adminUpdateIdentity(made.id, change)
  await refused(api.adminUpdateIdentity(unknown, change), 404, 'an identity that does not exist')
  await refused(api.adminUpdateIdentity(made.id, { ...change, traits: other.traits }), 409, 'an address that has an account')
  await refused(api.adminUpdateIdentity(made.id, { ...change, traits: {} }), 400, 'traits that break the schema')
  await api.adminCreateSelfServiceRecoveryLink({ identity_id: made.id })
  await refused(api.adminCreateSelfServiceRecoveryLink({ identity_id: made.id, expires_in: 'soon' }), 400, 'a lifetime that is no duration')
  await refused(api.adminCreateSelfServiceRecoveryLink({ identity_id: unknown }), 404, 'an identity that does not exist')
  await api.adminDeleteIdentity(made.id)
  await refused(api.adminGetIdentity(made.id), 404, 'an identity that does not exist')
  await refused(api.adminDeleteIdentity(made.id), 404, 'an identity that does not exist')
})

test('sessions of an identity', async () => {
  const { id } = await signUp()
  await api.adminListIdentitySessions(id)
  await refused(api.adminListIdentitySessions('nobody'), 400, 'an id that is no UUID')
  await api.adminDeleteIdentitySessions(id)
  await refused(api.adminDeleteIdentitySessions('nobody'), 400, 'an id that is no UUID')
  await refused(api.adminDeleteIdentitySessions(id), 404, 'an identity without sessions')
})
