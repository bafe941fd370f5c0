// Runs WebAuthn ceremonies for self-service forms: a button calls one of the functions below, what
// the authenticator says goes into a hidden field, and the form is submitted. Fields and encodings
// are those of the contract; the functions have an older name with underscores too.
(function () {
  if (window.__oryWebAuthnInitialized) {
    return
  }
  window.__oryWebAuthnInitialized = true

  // Options come in either alphabet of base64, with or without padding.
  function bytes(base64) {
    var text = atob(base64.replace(/-/g, '+').replace(/_/g, '/').replace(/=+$/, ''))
    return Uint8Array.from(text, function (c) { return c.charCodeAt(0) })
  }

  function base64url(buffer) {
    var text = ''
    new Uint8Array(buffer).forEach(function (b) { text += String.fromCharCode(b) })
    return btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
  }

  function field(name) {
    return document.querySelector('[name="' + name + '"]')
  }

  // options takes what a function was given, or else what stands in a field.
  function options(given, name) {
    var key = (given || JSON.parse(field(name).value))
    key = Object.assign({}, (key.credentialOptions || key).publicKey)
    key.challenge = bytes(key.challenge)
    if (key.user) {
      key.user = Object.assign({}, key.user, { id: bytes(key.user.id) })
    }
    ['allowCredentials', 'excludeCredentials'].forEach(function (list) {
      key[list] = (key[list] || []).map(function (c) { return Object.assign({}, c, { id: bytes(c.id) }) })
    })
    return key
  }

  function submit(name, credential) {
    var response = {}
    var parts = ['attestationObject', 'authenticatorData', 'clientDataJSON', 'signature', 'userHandle']
    parts.forEach(function (part) {
      if (part in credential.response) {
        response[part] = credential.response[part] ? base64url(credential.response[part]) : ''
      }
    })
    if (credential.response.getTransports) {
      response.transports = credential.response.getTransports()
    }
    var input = field(name)
    input.value = JSON.stringify({
      id: credential.id, rawId: base64url(credential.rawId), type: credential.type, response: response
    })
    input.closest('form').submit()
  }

  // What browsers say when a ceremony fails, in words for the person who did it.
  var failures = {
    NotAllowedError: 'Nothing has happened: the request was cancelled, or it took too long. You can try again.',
    InvalidStateError: 'This key is registered already. Please use another one.',
    SecurityError: 'The address of this page does not belong to the site the key is for.'
  }

  function failed(error) {
    if (error.name !== 'AbortError') { // another ceremony has taken its place
      console.error(error)
      alert(failures[error.name] || error)
    }
  }

  // One ceremony at a time: the one that waits in the autofill list makes way.
  var waiting = null
  function next() {
    if (waiting) {
      waiting.abort()
    }
    waiting = new AbortController()
    return waiting.signal
  }

  function run(start, resultField) {
    if (!window.PublicKeyCredential) {
      alert('This browser does not support security keys, or this page is not served over https.')
      return
    }
    start(next()).then(function (credential) { submit(resultField, credential) }).catch(failed)
  }

  function create(key, resultField) {
    run(function (signal) { return navigator.credentials.create({ publicKey: key, signal: signal }) }, resultField)
  }

  function get(key, resultField) {
    run(function (signal) { return navigator.credentials.get({ publicKey: key, signal: signal }) }, resultField)
  }

  function webAuthnRegistration(given) {
    create(options(given, 'webauthn_register_trigger'), 'webauthn_register')
  }

  function webAuthnLogin(given) {
    get(options(given, 'webauthn_login_trigger'), 'webauthn_login')
  }

  // The new account has no name yet but the one in the form.
  function passkeyRegistration() {
    var data = JSON.parse(field('passkey_create_data').value)
    var key = options(data)
    var named = data.displayNameFieldName && field(data.displayNameFieldName)
    if (named && named.value) {
      key.user.name = key.user.displayName = named.value
    }
    create(key, 'passkey_register')
  }

  function passkeySettingsRegistration() {
    create(options(null, 'passkey_create_data'), 'passkey_settings_register')
  }

  function passkeyLogin() {
    get(options(null, 'passkey_challenge'), 'passkey_login')
  }

  // Offers passkeys in the list of names that the browser shows in the field. It stays quiet when
  // it can't.
  function passkeyAutocomplete() {
    var able = window.PublicKeyCredential && PublicKeyCredential.isConditionalMediationAvailable
    if (!able || !field('passkey_challenge') || !field('identifier')) {
      return
    }
    PublicKeyCredential.isConditionalMediationAvailable().then(function (available) {
      if (!available) {
        return
      }
      var request = { publicKey: options(null, 'passkey_challenge'), mediation: 'conditional', signal: next() }
      return navigator.credentials.get(request).then(function (credential) { submit('passkey_login', credential) })
    }).catch(function (error) { console.debug(error) })
  }

  var functions = {
    WebAuthnRegistration: webAuthnRegistration,
    WebAuthnLogin: webAuthnLogin,
    PasskeyRegistration: passkeyRegistration,
    PasskeySettingsRegistration: passkeySettingsRegistration,
    PasskeyLogin: passkeyLogin,
    PasskeyLoginAutocompleteInit: passkeyAutocomplete
  }
  Object.keys(functions).forEach(function (name) {
    window['ory' + name] = window['__ory' + name] = functions[name]
  })
})()
