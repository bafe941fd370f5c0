// What people hold in their hands: an authenticator app (RFC 6238) and a security key (WebAuthn level 2, ES256).
import { createHash, createHmac, createSign, generateKeyPairSync, randomBytes } from 'node:crypto'

const node = (flow, name) => flow.ui.nodes.find((n) => (n.attributes.name ?? n.attributes.id) === name)?.attributes

// app makes the codes of the secret that a settings form shows. Each call moves on by a step, because a code counts once.
export function app (flow) {
  const secret = base32(node(flow, 'totp_secret_key').text.context?.secret ?? node(flow, 'totp_secret_key').text.text)
  let ahead = 0
  return () => {
    const counter = Buffer.alloc(8)
    counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead++))
    const mac = createHmac('sha1', secret).update(counter).digest()
    const at = mac[19] & 15
    return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0')
  }
}

function base32 (text) {
  let bits = ''
  for (const c of text.replace(/=+$/, '')) bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')
  return Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))
}

// codes are the backup codes that a settings form shows.
export const codes = (flow) => node(flow, 'lookup_secret_codes').text.context.secrets.map((s) => s.context.secret)

// key is a security key in a browser at origin. Its methods answer what a form asks in one of its nodes.
export function key (origin) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const id = randomBytes(32)
  let handle, counter = 0
  const asked = (flow, name) => {
    const { value, onclick } = node(flow, name)
    return JSON.parse(value || onclick.match(/\((\{.*\})\)/s)[1]).publicKey
  }
  // Options have bytes in either alphabet of base64, what a browser says has them in one.
  const bytes = (text) => Buffer.from(text, 'base64')
  const client = (type, challenge) => Buffer.from(JSON.stringify({ type, challenge: bytes(challenge).toString('base64url'), origin, crossOrigin: false }))
  const data = (site, flags) => {
    const tail = Buffer.alloc(5)
    tail[0] = flags
    tail.writeUInt32BE(counter++, 1)
    return Buffer.concat([createHash('sha256').update(site).digest(), tail])
  }
  const answer = (response) => JSON.stringify({
    id: id.toString('base64url'), rawId: id.toString('base64url'), type: 'public-key',
    response: Object.fromEntries(Object.entries(response).map(([name, bytes]) => [name, bytes.toString('base64url')]))
  })
  return {
    create (flow, name) {
      const { challenge, rp, user } = asked(flow, name)
      handle = bytes(user.id)
      const { x, y } = publicKey.export({ format: 'jwk' })
      const cose = Buffer.concat([Buffer.from('a5010203262001215820', 'hex'), Buffer.from(x, 'base64url'), Buffer.from('225820', 'hex'), Buffer.from(y, 'base64url')])
      const auth = Buffer.concat([data(rp.id, 0x45), Buffer.alloc(16), Buffer.from([0, id.length]), id, cose])
      const attestation = Buffer.concat([Buffer.from('a363666d74646e6f6e656761747453746d74a068617574684461746159', 'hex'), Buffer.from([auth.length >> 8, auth.length & 255]), auth])
      return answer({ clientDataJSON: client('webauthn.create', challenge), attestationObject: attestation })
    },
    get (flow, name) {
      const { challenge, rpId } = asked(flow, name)
      const auth = data(rpId, 5)
      const said = client('webauthn.get', challenge)
      const signature = createSign('sha256').update(Buffer.concat([auth, createHash('sha256').update(said).digest()])).sign(privateKey)
      return answer({ clientDataJSON: said, authenticatorData: auth, signature, userHandle: handle })
    }
  }
}
