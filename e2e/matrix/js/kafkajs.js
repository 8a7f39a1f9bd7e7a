// kafkajs as a client of the matrix: servers, or servers, group, topic and assignor.
// It brings gzip; the other codecs are plugged in as its documentation says.

import { createRequire } from 'node:module'
import zlib from 'node:zlib'
import kafkajs from 'kafkajs'
import SnappyCodec from 'kafkajs-snappy'
import lz4 from 'lz4-napi'
import { consumed, serve, stopped, toLine, toRecord } from './line.js'

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs
const version = createRequire(import.meta.url)('kafkajs/package.json').version

CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async encoder => lz4.compressFrameSync(encoder.buffer),
  decompress: async buffer => lz4.decompressFrameSync(buffer)
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => zlib.zstdCompressSync(encoder.buffer),
  decompress: async buffer => zlib.zstdDecompressSync(buffer)
})

const codecs = { none: 'None', gzip: 'GZIP', snappy: 'Snappy', lz4: 'LZ4', zstd: 'ZSTD' }

function connect(servers) {
  return new Kafka({ brokers: [servers], logLevel: logLevel.NOTHING })
}

// pairs makes a list of headers of an object: a name that comes again has a list of values.
function pairs(headers) {
  return Object.entries(headers ?? {}).flatMap(([name, value]) => (Array.isArray(value) ? value.map(v => [name, v]) : [[name, value]]))
}

// object is the other way round.
function object(headers) {
  const all = {}
  for (const [name, value] of headers) {
    all[name] = name in all ? [all[name], value].flat() : value
  }
  return all
}

class Client {
  constructor(servers) {
    this.kafka = connect(servers)
    this.groups = 0
  }

  async hello() {
    return { version }
  }

  async create({ topic, partitions }) {
    const admin = this.kafka.admin()
    await admin.connect()
    try {
      await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] })
    } finally {
      await admin.disconnect()
    }
  }

  async produce({ topic, codec, records }) {
    const producer = this.kafka.producer({ retry: { retries: 2 } })
    await producer.connect()
    try {
      const messages = records.map(toRecord).map(({ ts, key, value, headers }) => {
        return { partition: 0, timestamp: String(ts), key, value, headers: object(headers) }
      })
      await producer.send({ topic, compression: CompressionTypes[codecs[codec]], messages })
    } finally {
      await producer.disconnect()
    }
  }

  async consume(ask) {
    return this.read(ask, null)
  }

  async seek(ask) {
    return this.read(ask, async consumer => {
      const admin = this.kafka.admin()
      await admin.connect()
      const [{ offset }] = await admin.fetchTopicOffsetsByTimestamp(ask.topic, ask.ts)
      await admin.disconnect()
      consumer.seek({ topic: ask.topic, partition: 0, offset })
      return Number(offset)
    })
  }

  async read({ topic, count }, place) {
    const groupId = `kafkajs-${process.pid}-${this.groups++}`
    const consumer = this.kafka.consumer({ groupId, retry: { retries: 2 } })
    await consumer.connect()
    try {
      await consumer.subscribe({ topic, fromBeginning: true })
      const records = []
      let from = place ? Infinity : 0 // before it is told from where, it may begin at the beginning
      await new Promise((resolve, reject) => {
        consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
        const eachMessage = async ({ message: m }) => {
          if (Number(m.offset) < from) {
            return
          }
          records.push(toLine(m.offset, m.timestamp, m.key, m.value, pairs(m.headers)))
          if (records.length >= count) {
            resolve()
          }
        }
        consumer
          .run({ autoCommit: false, eachMessage })
          .then(async () => {
            from = place ? await place(consumer) : 0
          })
          .catch(reject)
      })
      return { records: records.slice(0, count) }
    } finally {
      await consumer.disconnect()
    }
  }
}

async function member(servers, groupId, topic) {
  const consumer = connect(servers).consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 500 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ autoCommitInterval: 500, eachMessage: async ({ partition, message }) => consumed(partition, message.offset) })
  await stopped()
  await consumer.disconnect()
  process.exit(0)
}

const args = process.argv.slice(2)
await (args.length === 1 ? serve(new Client(args[0])) : member(...args))
