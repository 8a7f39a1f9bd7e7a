// @platformatic/kafka as a client of the matrix: servers, or servers, group, topic and assignor.

import { readFileSync } from 'node:fs'
import { Admin, Consumer, MessagesStreamModes, Producer } from '@platformatic/kafka'
import { consumed, serve, stopped, toLine, toRecord } from './line.js'

const { version } = JSON.parse(readFileSync(new URL('node_modules/@platformatic/kafka/package.json', import.meta.url)))

class Client {
  constructor(servers) {
    this.options = { clientId: 'matrix', bootstrapBrokers: [servers], retries: 2 }
    this.groups = 0
  }

  async hello() {
    return { version }
  }

  async create({ topic, partitions }) {
    const admin = new Admin(this.options)
    try {
      await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
    } finally {
      await admin.close()
    }
  }

  async produce({ topic, codec, records }) {
    const producer = new Producer({ ...this.options, compression: codec })
    try {
      const messages = records.map(toRecord).map(({ ts, key, value, headers }) => {
        return { topic, partition: 0, timestamp: BigInt(ts), key, value, headers: new Map(headers.map(([k, v]) => [Buffer.from(k), v])) }
      })
      await producer.send({ messages })
    } finally {
      await producer.close()
    }
  }

  async consume(ask) {
    return this.read(ask, async () => ({ mode: MessagesStreamModes.EARLIEST }))
  }

  async seek(ask) {
    return this.read(ask, async consumer => {
      const found = await consumer.listOffsetsWithTimestamps({ topics: [ask.topic], timestamp: BigInt(ask.ts) })
      const { offset } = found.get(ask.topic).get(0)
      return { mode: MessagesStreamModes.MANUAL, offsets: [{ topic: ask.topic, partition: 0, offset }] }
    })
  }

  async read({ topic, count }, place) {
    const consumer = new Consumer({ ...this.options, groupId: `platformatic-${process.pid}-${this.groups++}`, autocommit: false })
    try {
      const stream = await consumer.consume({ topics: [topic], ...(await place(consumer)) })
      const records = []
      for await (const m of stream) {
        records.push(toLine(m.offset, m.timestamp, m.key, m.value, m.headerEntries))
        if (records.length >= count) {
          break
        }
      }
      return { records }
    } finally {
      await consumer.close(true)
    }
  }
}

// member commits each record once it has said so: left to itself the client may commit what still
// waits in its stream.
async function member(servers, groupId, topic, assignor) {
  const group = assignor === 'consumer' ? { groupProtocol: 'consumer' } : { sessionTimeout: 6000, heartbeatInterval: 500 }
  const consumer = new Consumer({ clientId: 'matrix', bootstrapBrokers: [servers], groupId, autocommit: false, ...group })
  const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.COMMITTED, fallbackMode: 'earliest' })
  const commits = new Set()
  stream.on('error', e => console.error(e))
  stream.on('data', m => {
    consumed(m.partition, m.offset)
    const commit = m.commit().catch(e => console.error(e.message)).finally(() => commits.delete(commit)) // of a generation that is over
    commits.add(commit)
  })
  await stopped()
  await stream.close()
  await Promise.all(commits)
  await consumer.close()
  process.exit(0)
}

const args = process.argv.slice(2)
await (args.length === 1 ? serve(new Client(args[0])) : member(...args))
