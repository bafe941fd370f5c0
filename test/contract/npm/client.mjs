// What both generations of clients need: where the gateway is, a cookie jar, and a way to expect refusals.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'

export const url = process.env.GATEHOUSE_URL
export const password = 'correct-horse-battery'

export const email = () => `${randomUUID()}@example.org`

// jar is a browser's memory: it keeps the cookies of every answer, and gives them to the next request.
export function jar () {
  const cookies = new Map()
  return {
    keep (res) {
      for (const line of res.headers['set-cookie'] ?? []) {
        const [, name, value] = line.match(/^([^=]+)=([^;]*)/)
        if (/max-age=(0|-\d+)/i.test(line)) cookies.delete(name)
        else cookies.set(name, value)
      }
      return res
    },
    get header () { return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    get options () { return { headers: { cookie: this.header } } }
  }
}

export const csrf = (flow) => flow.ui.nodes.find((n) => n.attributes.name === 'csrf_token').attributes.value

// refused expects a call to be answered with a status, and returns the body.
export async function refused (call, status) {
  try {
    await call
  } catch (error) {
    assert.equal(error.response?.status, status, `${error.message} ${JSON.stringify(error.response?.data)}`)
    return error.response.data
  }
  assert.fail(`the call went well, want status ${status}`)
}

export const messages = (flow) => [...(flow.ui.messages ?? []), ...flow.ui.nodes.flatMap((n) => n.messages)].map((m) => m.id)
