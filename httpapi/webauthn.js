// Runs WebAuthn ceremonies for self-service forms: a button calls one of the
// two functions with the options it was given, the answer goes into a hidden
// field, and the form is submitted. Fields and encodings are those of the
// contract: standard base64 in the options, base64url without padding back.
(function () {
  if (window.__oryWebAuthnInitialized) {
    return
  }
  window.__oryWebAuthnInitialized = true

  function bytes(base64) {
    var text = atob(base64.replace(/-/g, '+').replace(/_/g, '/'))
    return Uint8Array.from(text, function (c) { return c.charCodeAt(0) })
  }

  function base64url(buffer) {
    var text = ''
    new Uint8Array(buffer).forEach(function (b) { text += String.fromCharCode(b) })
    return btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
  }

  function withBytes(list) {
    return (list || []).map(function (c) { return Object.assign({}, c, { id: bytes(c.id) }) })
  }

  function submit(field, credential, parts) {
    var response = {}
    parts.forEach(function (p) {
      response[p] = credential.response[p] ? base64url(credential.response[p]) : ''
    })
    var input = document.querySelector('*[name="' + field + '"]')
    input.value = JSON.stringify({
      id: credential.id, rawId: base64url(credential.rawId), type: credential.type, response: response
    })
    input.closest('form').submit()
  }

  function supported() {
    if (!window.PublicKeyCredential) {
      alert('This browser does not support security keys.')
      return false
    }
    return true
  }

  function failed(error) {
    console.error(error)
    alert(error)
  }

  window.__oryWebAuthnRegistration = function (options) {
    if (!supported()) {
      return
    }
    var key = options.publicKey
    key.user.id = bytes(key.user.id)
    key.challenge = bytes(key.challenge)
    key.excludeCredentials = withBytes(key.excludeCredentials)
    navigator.credentials.create({ publicKey: key }).then(function (credential) {
      submit('webauthn_register', credential, ['attestationObject', 'clientDataJSON'])
    }).catch(failed)
  }

  window.__oryWebAuthnLogin = function (options) {
    if (!supported()) {
      return
    }
    var key = options.publicKey
    key.challenge = bytes(key.challenge)
    key.allowCredentials = withBytes(key.allowCredentials)
    navigator.credentials.get({ publicKey: key }).then(function (credential) {
      submit('webauthn_login', credential, ['authenticatorData', 'clientDataJSON', 'signature', 'userHandle'])
    }).catch(failed)
  }
})()
