// The bodies of login and settings with second factors, as the seed's client sends them. The published document forgot some of them.
import ory from '@ory/client'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { csrf, email, jar, password, provoked, refused, watched } from './client.mjs'
import { app, codes, key } from './factors.mjs'

const url = process.env.GATEHOUSE_FACTORS_URL
const api = watched(new ory.V0alpha2Api(new ory.Configuration({ basePath: url })))

// person is somebody who has just registered with an app: the settings and logins of that person.
async function person () {
  const who = email()
  const { data: flow } = await api.initializeSelfServiceRegistrationFlowWithoutBrowser()
  const { data: { session_token: token } } = await api.submitSelfServiceRegistrationFlow(flow.id, { method: 'password', password, traits: { email: who } })
  const form = async () => (await api.initializeSelfServiceSettingsFlowWithoutBrowser(token)).data
  return {
    form,
    set: (flow, body) => api.submitSelfServiceSettingsFlow(flow.id, token, body),
    // step signs in with the password and then with body.
    async step (body) {
      const { data: flow } = await api.initializeSelfServiceLoginFlowWithoutBrowser()
      const { data } = await api.submitSelfServiceLoginFlow(flow.id, undefined, { method: 'password', password, password_identifier: who })
      const { data: second } = await api.initializeSelfServiceLoginFlowWithoutBrowser(undefined, 'aal2', data.session_token)
      return api.submitSelfServiceLoginFlow(second.id, data.session_token, body(second))
    }
  }
}

test('authenticator app', async () => {
  const ann = await person()
  const flow = await ann.form()
  const code = app(flow)
  await refused(ann.set(flow, { method: 'totp', totp_code: '000000' }), 400, 'totp: a wrong code')
  await provoked(ann.set(flow, { method: 'totp', totp_code: code() }), 'totp: link')
  const { data } = await provoked(ann.step(() => ({ method: 'totp', totp_code: code() })), 'totp')
  assert.equal(data.session.authenticator_assurance_level, 'aal2')
  await refused(ann.step(() => ({ method: 'totp', totp_code: '000000' })), 400, 'totp: a wrong code')
  await provoked(ann.set(await ann.form(), { method: 'totp', totp_unlink: true }), 'totp: unlink')
})

test('backup codes', async () => {
  const ann = await person()
  const { data: shown } = await provoked(ann.set(await ann.form(), { method: 'lookup_secret', lookup_secret_regenerate: true }), 'lookup_secret: make')
  await provoked(ann.set(shown, { method: 'lookup_secret', lookup_secret_confirm: true }), 'lookup_secret: confirm')
  const [code] = codes(shown)
  const { data } = await provoked(ann.step(() => ({ method: 'lookup_secret', lookup_secret: code })), 'lookup_secret')
  assert.equal(data.session.authenticator_assurance_level, 'aal2')
  await refused(ann.step(() => ({ method: 'lookup_secret', lookup_secret: code })), 400, 'lookup_secret: a code that was used')
  await provoked(ann.set(await ann.form(), { method: 'lookup_secret', lookup_secret_reveal: true }), 'lookup_secret: show')
  await provoked(ann.set(await ann.form(), { method: 'lookup_secret', lookup_secret_disable: true }), 'lookup_secret: remove')
})

test('security key', async () => {
  const who = email()
  const browser = jar()
  const { data: flow } = browser.keep(await api.initializeSelfServiceRegistrationFlowForBrowsers())
  browser.keep(await api.submitSelfServiceRegistrationFlow(flow.id, { method: 'password', password, traits: { email: who }, csrf_token: csrf(flow) }, browser.options))
  const form = async () => browser.keep(await api.initializeSelfServiceSettingsFlowForBrowsers(undefined, browser.options)).data
  const set = async (flow, body) => browser.keep(await api.submitSelfServiceSettingsFlow(flow.id, undefined, { ...body, csrf_token: csrf(flow) }, browser.options))

  const blue = key(url)
  const first = await form()
  const add = (flow, name) => set(flow, { webauthn_register: blue.create(flow, 'webauthn_register_trigger'), webauthn_register_displayname: name })
  const again = await refused(add(first), 400, 'webauthn: a key without a name')
  await provoked(add(again, 'blue'), 'webauthn: add')

  const other = jar()
  const { data: start } = other.keep(await api.initializeSelfServiceLoginFlowForBrowsers())
  other.keep(await api.submitSelfServiceLoginFlow(start.id, undefined, { method: 'password', password, password_identifier: who, csrf_token: csrf(start) }, other.options))
  const { data: login } = other.keep(await api.initializeSelfServiceLoginFlowForBrowsers(undefined, 'aal2', undefined, other.options))
  const answer = (response) => api.submitSelfServiceLoginFlow(login.id, undefined, { method: 'webauthn', webauthn_login: response, csrf_token: csrf(login) }, other.options)
  const asked = await refused(answer('{}'), 400, 'webauthn: what no key would say')
  const { data } = other.keep(await provoked(answer(blue.get(asked, 'webauthn_login_trigger')), 'webauthn'))
  assert.equal(data.session.authenticator_assurance_level, 'aal2')

  const last = await form()
  const { value } = last.ui.nodes.find((n) => n.attributes.name === 'webauthn_remove').attributes
  await provoked(set(last, { webauthn_remove: value }), 'webauthn: remove')
})
