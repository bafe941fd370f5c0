// The seed's operations as today's @ory/kratos-client has them: once for success, and once for each documented error.
import kratos from '@ory/kratos-client'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { arrive, csrf, email, foreign, jar, password, refused, refusedInTime, url, watched } from './client.mjs'

const at = (url) => new kratos.Configuration({ basePath: url })
const api = watched(new kratos.FrontendApi(at(url)))
const admin = watched(new kratos.IdentityApi(at(url)))
const courier = new kratos.CourierApi(at(url))
const metadata = watched(new kratos.MetadataApi(at(url)))
// The same with flows and fresh sign-ins that last a second, and with a store that can't be reached.
const hasty = watched(new kratos.FrontendApi(at(process.env.GATEHOUSE_HASTY_URL)))
const cutOff = watched(new kratos.MetadataApi(at(process.env.GATEHOUSE_CUT_OFF_URL)))
const withoutLinks = watched(new kratos.IdentityApi(at(process.env.GATEHOUSE_HASTY_URL)))

const unknown = randomUUID()
const elsewhere = { params: { return_to: foreign } }

const register = (flow, who, more) => ({ flow, updateRegistrationFlowBody: { method: 'password', password, traits: { email: who }, ...more } })
const login = (flow, who, more) => ({ flow, updateLoginFlowBody: { method: 'password', password, identifier: who, ...more } })
const settings = (flow, xSessionToken, password) => ({ flow, xSessionToken, updateSettingsFlowBody: { method: 'password', password } })
const recover = (flow, body, cookie) => ({ flow, cookie, updateRecoveryFlowBody: { method: 'code', ...body } })
const verify = (flow, email) => ({ flow, updateVerificationFlowBody: { method: 'code', email } })

async function signUp (client = api, who = email()) {
  const { data: flow } = await client.createNativeRegistrationFlow()
  const { data } = await client.updateRegistrationFlow(register(flow.id, who))
  return { who, flow: flow.id, id: data.identity.id, token: data.session_token, session: data.session.id }
}

async function signIn (who) {
  const { data: flow } = await api.createNativeLoginFlow()
  const { data } = await api.updateLoginFlow(login(flow.id, who))
  return { flow: flow.id, session: data.session.id }
}

// signedInBrowser is the jar of a browser that has just registered.
async function signedInBrowser () {
  const browser = jar()
  const { data: flow } = browser.keep(await api.createBrowserRegistrationFlow())
  browser.keep(await api.updateRegistrationFlow({ ...register(flow.id, email(), { csrf_token: csrf(flow) }), cookie: browser.header }))
  return browser
}

// mailedCode waits for the code in the newest mail to an address.
async function mailedCode (recipient) {
  const { data: [message] } = await courier.listCourierMessages({ recipient })
  const { data: { body } } = await courier.getCourierMessage({ id: message.id })
  return body.match(/\b\d{6}\b/)[0]
}

test('what needs nobody', async () => {
  await api.getWebAuthnJavaScript()
  await metadata.isAlive()
  await metadata.isReady()
  await refused(cutOff.isReady(), 503, 'the store can not be reached')
  await metadata.getVersion()
  await admin.listIdentitySchemas()
  await admin.getIdentitySchema({ id: 'default' })
  await refused(admin.getIdentitySchema({ id: 'unknown' }), 404, 'a schema that does not exist')
  await api.getFlowError({ id: 'stub:500' })
  await refused(api.getFlowError({ id: unknown }), 404, 'an error that nobody met')
})

test('login', async () => {
  const { who, token } = await signUp()
  const { flow } = await signIn(who)
  await refused(api.createNativeLoginFlow({ xSessionToken: token }), 400, 'somebody who is signed in')
  const browser = jar()
  const { data: own } = browser.keep(await api.createBrowserLoginFlow())
  await refused(api.createBrowserLoginFlow({ returnTo: foreign }), 400, 'a return_to on a site that is not allowed')
  await api.getLoginFlow({ id: own.id, cookie: browser.header })
  await refused(api.getLoginFlow({ id: own.id }), 403, 'the flow of another browser')
  await refused(api.getLoginFlow({ id: unknown }), 404, 'a flow that does not exist')
  await refused(api.getLoginFlow({ id: flow }), 410, 'a flow that is completed')
  await refused(api.updateLoginFlow({ ...login(own.id, who, { password: 'another one', csrf_token: csrf(own) }), cookie: browser.header }), 400, 'a wrong password')
  await refused(api.updateLoginFlow(login(flow, who)), 410, 'a flow that is completed')
})

test('registration', async () => {
  const { who, flow, token } = await signUp()
  const browser = jar()
  const { data: own } = browser.keep(await api.createBrowserRegistrationFlow())
  await refused(api.createNativeRegistrationFlow({}, { headers: { 'X-Session-Token': token } }), 400, 'somebody who is signed in')
  await api.getRegistrationFlow({ id: own.id, cookie: browser.header })
  await refused(api.getRegistrationFlow({ id: own.id }), 403, 'the flow of another browser')
  await refused(api.getRegistrationFlow({ id: unknown }), 404, 'a flow that does not exist')
  await refused(api.updateRegistrationFlow({ ...register(own.id, who, { csrf_token: csrf(own) }), cookie: browser.header }), 400, 'an address that has an account')
  await refused(api.getRegistrationFlow({ id: flow }), 410, 'a flow that is completed')
  await refused(api.updateRegistrationFlow(register(flow, email())), 410, 'a flow that is completed')
})

test('a third party', async () => {
  const byBrowser = 'a third party, to which the browser has to go'
  const browser = jar()
  const { data: own } = browser.keep(await api.createBrowserLoginFlow())
  const acme = (flow) => ({ method: 'oidc', provider: 'acme', csrf_token: csrf(flow) })
  await refused(api.updateLoginFlow({ flow: own.id, updateLoginFlowBody: acme(own), cookie: browser.header }), 422, byBrowser)
  const { data: up } = await api.createBrowserRegistrationFlow({}, browser.options)
  await refused(api.updateRegistrationFlow({ flow: up.id, updateRegistrationFlowBody: acme(up), cookie: browser.header }), 422, byBrowser)
  const { header: cookie } = await signedInBrowser()
  const { data: form } = await api.createBrowserSettingsFlow({ cookie })
  await refused(api.updateSettingsFlow({ flow: form.id, updateSettingsFlowBody: { method: 'oidc', link: 'acme', csrf_token: csrf(form) }, cookie }), 422, byBrowser)

  const { data: flow } = await api.createNativeLoginFlow({ returnSessionTokenExchangeCode: true, returnTo: 'https://app.example/in' })
  const { redirect_browser_to: there } = await refused(
    api.updateLoginFlow({ flow: flow.id, updateLoginFlowBody: { method: 'oidc', provider: 'acme' } }), 422, byBrowser)
  const initCode = flow.session_token_exchange_code
  const returnToCode = await arrive(there)
  await refused(api.exchangeSessionToken({ initCode, returnToCode: 'another' }), 404, 'codes that open nothing')
  const { data } = await api.exchangeSessionToken({ initCode, returnToCode })
  assert.equal((await api.toSession({ xSessionToken: data.session_token })).data.id, data.session.id)
})

test('logout', async () => {
  const { token } = await signUp()
  await api.performNativeLogout({ performNativeLogoutBody: { session_token: token } })
  await refused(api.performNativeLogout({ performNativeLogoutBody: { session_token: 42 } }), 400, 'a token that is no string')
  const { header: cookie } = await signedInBrowser()
  await refused(api.createBrowserLogoutFlow(), 401, 'nobody is signed in')
  await refused(api.createBrowserLogoutFlow({ cookie, returnTo: foreign }), 400, 'a return_to on a site that is not allowed')
  const { data: out } = await api.createBrowserLogoutFlow({ cookie })
  await api.updateLogoutFlow({ token: out.logout_token, cookie })
})

test('settings', async () => {
  const [{ token: xSessionToken }, { header: cookie }] = [await signUp(), await signedInBrowser()]
  await api.createBrowserSettingsFlow({ cookie })
  await refused(api.createBrowserSettingsFlow({ cookie, returnTo: foreign }), 400, 'a return_to on a site that is not allowed')
  await refused(api.createBrowserSettingsFlow(), 401, 'nobody is signed in')
  const { data: { id } } = await api.createNativeSettingsFlow({ xSessionToken })
  await refused(api.createNativeSettingsFlow({ xSessionToken }, elsewhere), 400, 'a return_to on a site that is not allowed')
  await api.getSettingsFlow({ id, xSessionToken })
  await refused(api.getSettingsFlow({ id }), 401, 'nobody is signed in')
  await refused(api.getSettingsFlow({ id, xSessionToken: (await signUp()).token }), 403, 'the flow of somebody else')
  await refused(api.getSettingsFlow({ id: unknown, xSessionToken }), 404, 'a flow that does not exist')
  await api.updateSettingsFlow(settings(id, xSessionToken, 'another-battery-staple'))
  await refused(api.updateSettingsFlow(settings(id, xSessionToken, '1')), 400, 'a short password')
  await refused(api.updateSettingsFlow(settings(id, undefined, password)), 401, 'nobody is signed in')
})

test('settings that were left open', async () => {
  const { token: xSessionToken } = await signUp(hasty)
  const start = () => hasty.createNativeSettingsFlow({ xSessionToken })
  const { data: { id } } = await start()
  await refusedInTime(() => hasty.getSettingsFlow({ id, xSessionToken }), 410, 'a flow that has expired')
  await refused(hasty.updateSettingsFlow(settings(id, xSessionToken, randomUUID())), 410, 'a flow that has expired')
  await refusedInTime(async () => hasty.updateSettingsFlow(settings((await start()).data.id, xSessionToken, randomUUID())), 403, 'a new password long after the sign-in')
})

test('recovery', async () => {
  const { who, token } = await signUp()
  await refused(api.createNativeRecoveryFlow({ headers: { 'X-Session-Token': token } }), 400, 'somebody who is signed in')
  await api.createNativeRecoveryFlow()
  await refused(api.createBrowserRecoveryFlow({ returnTo: foreign }), 400, 'a return_to on a site that is not allowed')
  const browser = jar()
  const { data: own } = browser.keep(await api.createBrowserRecoveryFlow())
  await api.getRecoveryFlow({ id: own.id, cookie: browser.header })
  await refused(api.getRecoveryFlow({ id: unknown }), 404, 'a flow that does not exist')
  const fields = { csrf_token: csrf(own) }
  await refused(api.updateRecoveryFlow(recover(own.id, { ...fields, email: 'nowhere' }, browser.header)), 400, 'an address that is none')
  const { data: sent } = browser.keep(await api.updateRecoveryFlow(recover(own.id, { ...fields, email: who }, browser.header)))
  await refused(api.updateRecoveryFlow(recover(own.id, { csrf_token: csrf(sent), code: await mailedCode(who) }, browser.header)),
    422, 'the code from the mail, after which the browser has to go to the settings')
})

test('recovery and verification that were left open', async () => {
  const { data: { id } } = await hasty.createNativeRecoveryFlow()
  await refusedInTime(() => hasty.getRecoveryFlow({ id }), 410, 'a flow that has expired')
  await refused(hasty.updateRecoveryFlow(recover(id, { email: email() })), 410, 'a flow that has expired')
  const { data: verification } = await hasty.createNativeVerificationFlow()
  await refusedInTime(() => hasty.updateVerificationFlow(verify(verification.id, email())), 410, 'a flow that has expired')
})

test('verification', async () => {
  const { who } = await signUp()
  const browser = jar()
  const { data: own } = browser.keep(await api.createBrowserVerificationFlow())
  const { data: flow } = await api.createNativeVerificationFlow()
  await refused(api.createNativeVerificationFlow({ returnTo: foreign }), 400, 'a return_to on a site that is not allowed')
  await api.getVerificationFlow({ id: own.id, cookie: browser.header })
  await refused(api.getVerificationFlow({ id: own.id }), 403, 'the flow of another browser')
  await refused(api.getVerificationFlow({ id: unknown }), 404, 'a flow that does not exist')
  await refused(api.updateVerificationFlow(verify(flow.id, 'nowhere')), 400, 'an address that is none')
  await api.updateVerificationFlow(verify(flow.id, who))
})

test('sessions', async () => {
  const { who, token: xSessionToken, session } = await signUp()
  const other = await signIn(who)
  await api.toSession({ xSessionToken })
  await refused(api.toSession(), 401, 'nobody is signed in')
  const { data: others } = await api.listMySessions({ xSessionToken })
  assert.deepEqual(others.map((s) => s.id), [other.session])
  await refused(api.listMySessions(), 401, 'nobody is signed in')
  await api.disableMySession({ id: other.session, xSessionToken })
  await refused(api.disableMySession({ id: session, xSessionToken }), 400, 'the session of the request itself')
  await refused(api.disableMySession({ id: session }), 401, 'nobody is signed in')
  await api.disableMyOtherSessions({ xSessionToken })
  await refused(api.disableMyOtherSessions(), 401, 'nobody is signed in')
})

test('identities', async () => {
  const createIdentityBody = { schema_id: 'default', traits: { email: email() } }
  const { data: { id } } = await admin.createIdentity({ createIdentityBody })
  await refused(admin.createIdentity({ createIdentityBody: { ...createIdentityBody, traits: {} } }), 400, 'traits that break the schema')
  await refused(admin.createIdentity({ createIdentityBody }), 409, 'an address that has an account')
  await admin.listIdentities()
  await admin.getIdentity({ id })
  const { data: other } = await admin.createIdentity({ createIdentityBody: { ...createIdentityBody, traits: { email: email() } } })
  const change = (traits) => ({ id, updateIdentityBody: { schema_id: 'default', state: 'active', traits } })
  await admin.updateIdentity(change({ email: email() }))
  await refused(admin.updateIdentity({ ...change({ email: email() }), id: unknown }), 404, 'an identity that does not exist')
  await refused(admin.updateIdentity(change(other.traits)), 409, 'an address that has an account')
  await refused(admin.updateIdentity(change({})), 400, 'traits that break the schema')
  const link = (body) => ({ createRecoveryLinkForIdentityBody: { identity_id: id, ...body } })
  await admin.createRecoveryLinkForIdentity(link())
  await refused(admin.createRecoveryLinkForIdentity(link({ expires_in: 'soon' })), 400, 'a lifetime that is no duration')
  await refused(withoutLinks.createRecoveryLinkForIdentity(link()), 404, 'links are switched off')
  await admin.deleteIdentity({ id })
  await refused(admin.getIdentity({ id }), 404, 'an identity that does not exist')
  await refused(admin.deleteIdentity({ id }), 404, 'an identity that does not exist')
})

test('sessions of an identity', async () => {
  const { id } = await signUp()
  await admin.listIdentitySessions({ id })
  await refused(admin.listIdentitySessions({ id: 'nobody' }), 400, 'an id that is no UUID')
  await admin.deleteIdentitySessions({ id })
  await refused(admin.deleteIdentitySessions({ id: 'nobody' }), 400, 'an id that is no UUID')
  await refused(admin.deleteIdentitySessions({ id }), 404, 'an identity without sessions')
})
