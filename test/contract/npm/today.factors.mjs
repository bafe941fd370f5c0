// The bodies of login and settings with second factors, passkeys and codes, as today's client sends them.
import kratos from '@ory/kratos-client'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { csrf, email, jar, password, provoked, refused, watched } from './client.mjs'
import { app, codes, key } from './factors.mjs'

const url = process.env.GATEHOUSE_FACTORS_URL
const api = watched(new kratos.FrontendApi(new kratos.Configuration({ basePath: url })))
// Where a mailed code is asked for after the password.
const codesURL = process.env.GATEHOUSE_CODES_URL
const mailing = watched(new kratos.FrontendApi(new kratos.Configuration({ basePath: codesURL })))
const courier = new kratos.CourierApi(new kratos.Configuration({ basePath: codesURL }))

// person is somebody who has just registered with an app: the settings and logins of that person.
async function person (client = api) {
  const who = email()
  const login = (flow, xSessionToken, updateLoginFlowBody) => client.updateLoginFlow({ flow, xSessionToken, updateLoginFlowBody })
  const { data: flow } = await client.createNativeRegistrationFlow()
  const { data: { session_token: xSessionToken } } = await client.updateRegistrationFlow({ flow: flow.id, updateRegistrationFlowBody: { method: 'password', password, traits: { email: who } } })
  return {
    who,
    form: async () => (await client.createNativeSettingsFlow({ xSessionToken })).data,
    set: (flow, updateSettingsFlowBody) => client.updateSettingsFlow({ flow: flow.id, xSessionToken, updateSettingsFlowBody }),
    // second is the form for a second factor, after the password.
    async second () {
      const { data: flow } = await client.createNativeLoginFlow()
      const { data: { session_token: token } } = await login(flow.id, undefined, { method: 'password', password, identifier: who })
      const { data } = await client.createNativeLoginFlow({ aal: 'aal2', xSessionToken: token })
      return { flow: data, send: (body) => login(data.id, token, body) }
    }
  }
}

async function mailedCode (recipient) {
  const { data: [message] } = await courier.listCourierMessages({ recipient })
  const { data: { body } } = await courier.getCourierMessage({ id: message.id })
  return body.match(/\b\d{6}\b/)[0]
}

test('authenticator app', async () => {
  const ann = await person()
  const flow = await ann.form()
  const code = app(flow)
  await refused(ann.set(flow, { method: 'totp', totp_code: '000000' }), 400, 'totp: a wrong code')
  await provoked(ann.set(flow, { method: 'totp', totp_code: code() }), 'totp: link')
  const { data } = await provoked((await ann.second()).send({ method: 'totp', totp_code: code() }), 'totp')
  assert.equal(data.session.authenticator_assurance_level, 'aal2')
  await refused((await ann.second()).send({ method: 'totp', totp_code: '000000' }), 400, 'totp: a wrong code')
  await provoked(ann.set(await ann.form(), { method: 'totp', totp_unlink: true }), 'totp: unlink')
})

test('backup codes', async () => {
  const ann = await person()
  const { data: shown } = await provoked(ann.set(await ann.form(), { method: 'lookup_secret', lookup_secret_regenerate: true }), 'lookup_secret: make')
  await provoked(ann.set(shown, { method: 'lookup_secret', lookup_secret_confirm: true }), 'lookup_secret: confirm')
  const [code] = codes(shown)
  await provoked((await ann.second()).send({ method: 'lookup_secret', lookup_secret: code }), 'lookup_secret')
  await refused((await ann.second()).send({ method: 'lookup_secret', lookup_secret: code }), 400, 'lookup_secret: a code that was used')
  await provoked(ann.set(await ann.form(), { method: 'lookup_secret', lookup_secret_reveal: true }), 'lookup_secret: show')
  await provoked(ann.set(await ann.form(), { method: 'lookup_secret', lookup_secret_disable: true }), 'lookup_secret: remove')
})

test('mailed code', async () => {
  const ann = await person(mailing)
  const { send } = await ann.second()
  await refused(send({ method: 'code', address: ann.who }), 400, 'code: it is sent')
  await refused(send({ method: 'code', code: '000000' }), 400, 'code: a wrong one')
  const { data } = await provoked(send({ method: 'code', code: await mailedCode(ann.who) }), 'code')
  assert.equal(data.session.authenticator_assurance_level, 'aal2')
})

// page is a browser with an account, and what it can do with forms.
async function page () {
  const who = email()
  const browser = jar()
  const with_ = () => ({ cookie: browser.header })
  const { data: flow } = browser.keep(await api.createBrowserRegistrationFlow())
  browser.keep(await api.updateRegistrationFlow({ flow: flow.id, ...with_(), updateRegistrationFlowBody: { method: 'password', password, traits: { email: who }, csrf_token: csrf(flow) } }))
  return {
    who,
    form: async () => browser.keep(await api.createBrowserSettingsFlow(with_())).data,
    set: async (flow, body) => browser.keep(await api.updateSettingsFlow({ flow: flow.id, ...with_(), updateSettingsFlowBody: { ...body, csrf_token: csrf(flow) } }))
  }
}

// visitor is a browser without one.
function visitor () {
  const browser = jar()
  return {
    open: async (more) => browser.keep(await api.createBrowserLoginFlow({ ...more, cookie: browser.header })).data,
    // A password may be followed by 422, which sends the browser on to a second factor.
    send: async (flow, body) => {
      const call = api.updateLoginFlow({ flow: flow.id, cookie: browser.header, updateLoginFlowBody: { ...body, csrf_token: csrf(flow) } })
      const res = await call.catch((error) => error.response?.status === 422 ? error.response : Promise.reject(error))
      return browser.keep(res)
    }
  }
}

test('security key', async () => {
  const ann = await page()
  const blue = key(url)
  const add = (flow, name) => ann.set(flow, { method: 'webauthn', webauthn_register: blue.create(flow, 'webauthn_register_trigger'), webauthn_register_displayname: name })
  const again = await refused(add(await ann.form()), 400, 'webauthn: a key without a name')
  await provoked(add(again, 'blue'), 'webauthn: add')

  const other = visitor()
  await other.send(await other.open(), { method: 'password', password, identifier: ann.who })
  const asked = await refused(other.send(await other.open({ aal: 'aal2' }), { method: 'webauthn', identifier: '', webauthn_login: '{}' }), 400, 'webauthn: what no key would say')
  const { data } = await provoked(other.send(asked, { method: 'webauthn', identifier: '', webauthn_login: blue.get(asked, 'webauthn_login_trigger') }), 'webauthn')
  assert.equal(data.session.authenticator_assurance_level, 'aal2')

  const last = await ann.form()
  const { value } = last.ui.nodes.find((n) => n.attributes.name === 'webauthn_remove').attributes
  await provoked(ann.set(last, { method: 'webauthn', webauthn_remove: value }), 'webauthn: remove')
})

test('passkey', async () => {
  const ann = await page()
  const green = key(url)
  const form = await ann.form()
  await refused(ann.set(form, { method: 'passkey', passkey_settings_register: '{}' }), 400, 'passkey: what no key would say')
  const next = await ann.form()
  await provoked(ann.set(next, { method: 'passkey', passkey_settings_register: green.create(next, 'passkey_create_data') }), 'passkey: add')

  const other = visitor()
  const asked = await refused(other.send(await other.open(), { method: 'passkey', passkey_login: '{}' }), 400, 'passkey: what no key would say')
  const { data } = await provoked(other.send(asked, { method: 'passkey', passkey_login: green.get(asked, 'passkey_challenge') }), 'passkey')
  assert.equal(data.session.identity.traits.email, ann.who)

  const last = await ann.form()
  const { value } = last.ui.nodes.find((n) => n.attributes.name === 'passkey_remove').attributes
  await provoked(ann.set(last, { method: 'passkey', passkey_remove: value }), 'passkey: remove')
})
