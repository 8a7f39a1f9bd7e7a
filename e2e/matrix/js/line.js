// The protocol of the matrix for programs in JavaScript; what the lines say stands in ../doc.go.

import { createInterface } from 'node:readline'

export const WITHIN_MS = 60_000

const encode = value => (value == null ? null : Buffer.from(value).toString('base64'))
const decode = text => (text === null ? null : Buffer.from(text, 'base64'))

// toRecord gives a record of a line its bytes back.
export function toRecord({ ts, key, value, headers }) {
  return { ts, key: decode(key), value: decode(value), headers: (headers ?? []).map(h => [h.name, decode(h.value)]) }
}

// toLine is the other way round; headers are pairs.
export function toLine(offset, ts, key, value, headers) {
  return {
    offset: Number(offset),
    ts: Number(ts),
    key: encode(key),
    value: encode(value),
    headers: headers.map(([name, value]) => ({ name: name.toString(), value: encode(value) }))
  }
}

// serve answers one line of standard input after the other with what the methods of client return.
export async function serve(client) {
  for await (const text of createInterface({ input: process.stdin })) {
    const ask = JSON.parse(text)
    let answer
    try {
      answer = (await within(client[ask.do](ask), ask.do)) ?? {}
    } catch (e) {
      answer = { error: `${e.name}: ${[e.message, ...(e.errors ?? []).map(e => e.message)].join(': ')}` }
    }
    process.stdout.write(JSON.stringify(answer) + '\n')
  }
  process.exit(0)
}

function within(promise, what) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} takes more than ${WITHIN_MS} ms`)), WITHIN_MS)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

// stopped resolves when standard input ends.
export function stopped() {
  return new Promise(resolve => process.stdin.resume().on('end', resolve))
}

// consumed says that a member of a group has consumed a record.
export function consumed(partition, offset) {
  process.stdout.write(`${partition} ${offset}\n`)
}
