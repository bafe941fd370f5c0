// What both generations of clients need: where the gateway is, a cookie jar, and a way to expect refusals.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

export const url = process.env.GATEHOUSE_URL
export const password = 'correct-horse-battery'

// foreign is where nobody may be sent to.
export const foreign = 'https://evil.example/'

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

// refused expects a call to be answered with a status, and returns the body. With how, the test is told what provoked it.
export async function refused (call, status, how) {
  const error = await failed(call)
  assert.equal(error?.response?.status, status, error ? `${error.message} ${JSON.stringify(error.response?.data)}` : 'the call went well')
  tell(error.operation, status, how)
  return error.response.data
}

// provoked tells the test what body it was that went well.
export async function provoked (call, how) {
  const res = await call
  tell(res.operation, res.status, how)
  return res
}

// refusedInTime tries until a call is answered with a status, because time has to pass before.
export async function refusedInTime (attempt, status, how) {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await pause(50)) {
    const error = await failed(attempt())
    if (error?.response?.status === status) return tell(error.operation, status, how)
  }
  assert.fail(`${how}: never answered with ${status}`)
}

const failed = (call) => call.then(() => undefined, (error) => error)

// watched is a client that tells the test which of its operations are called and go well.
export const watched = (client) => new Proxy(client, {
  get: (target, operation) => async (...args) => {
    try {
      const res = await target[operation](...args)
      tell(operation, res.status, 'success')
      res.operation = operation
      return res
    } catch (error) {
      error.operation = operation
      error.message += ` ${JSON.stringify(error.response?.data)}`
      throw error
    }
  }
})

// tell leaves a line for the Go test, which makes a page of them.
function tell (operation, status, how) {
  const file = process.env.GATEHOUSE_CALLS
  if (file && operation && how) appendFileSync(file, JSON.stringify({ operation, status, how }) + '\n')
}

// arrive is a browser that goes to a provider, and comes back to an app with a code.
export async function arrive (place) {
  for (let hops = 0; hops < 5; hops++) {
    const res = await fetch(place, { redirect: 'manual', headers: { accept: 'text/html' } })
    const to = new URL(res.headers.get('location') ?? assert.fail(`${place}: ${res.status}`), place)
    if (to.host === 'app.example') return to.searchParams.get('code')
    place = to
  }
  assert.fail('the app was never opened')
}

export const messages = (flow) => [...(flow.ui.messages ?? []), ...flow.ui.nodes.flatMap((n) => n.messages)].map((m) => m.id)
