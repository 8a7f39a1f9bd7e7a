"""confluent-kafka (librdkafka) as a client of the matrix: servers, or servers, group, topic and assignor."""

import sys
import time

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import line

WITHIN = 60  # seconds


def tell(error):
    """Errors that are not fatal only inform: the consumer goes on."""
    if error.fatal():
        raise KafkaException(error)
    sys.stderr.write(f"{error}\n")


class Client:
    def __init__(self, servers):
        self.servers = {"bootstrap.servers": servers}

    def hello(self, ask):
        return {"version": f"{confluent_kafka.__version__} (librdkafka {confluent_kafka.libversion()[0]})"}

    def create(self, ask):
        admin = AdminClient(self.servers)  # what it has begun ends with it
        admin.create_topics([NewTopic(ask["topic"], ask["partitions"], 1)])[ask["topic"]].result(WITHIN)

    def produce(self, ask):
        producer = Producer({**self.servers, "compression.type": ask["codec"], "linger.ms": 5})
        errors = []

        def delivered(error, message):
            if error is not None:
                errors.append(KafkaException(error))

        for text in ask["records"]:
            r = line.Record.read(text)
            producer.produce(ask["topic"], r.value, r.key, 0, on_delivery=delivered, timestamp=r.ts, headers=r.headers)
        if producer.flush(WITHIN) > 0:
            raise TimeoutError("not everything was acknowledged")
        if errors:
            raise errors[0]

    def consume(self, ask):
        return self.read(ask, lambda consumer, tp: OFFSET_BEGINNING)

    def seek(self, ask):
        def by_time(consumer, tp):
            tp.offset = ask["ts"]
            return consumer.offsets_for_times([tp], WITHIN)[0].offset

        return self.read(ask, by_time)

    def read(self, ask, place):
        consumer = Consumer({**self.servers, "group.id": "none", "enable.auto.commit": False})
        try:
            tp = TopicPartition(ask["topic"], 0)
            tp.offset = place(consumer, tp)
            consumer.assign([tp])
            records, end = [], time.monotonic() + WITHIN
            while len(records) < ask["count"]:
                if time.monotonic() > end:
                    raise TimeoutError(f"{len(records)} of {ask['count']} records came")
                for m in consumer.consume(1000, 0.2):
                    if m.error() is not None:
                        tell(m.error())
                        continue
                    records.append(line.Record(m.key(), m.value(), m.headers() or [], m.timestamp()[1], m.offset()).line())
            return {"records": records[: ask["count"]]}
        finally:
            consumer.close()


def store(consumer, m):
    if m.error() is None:
        try:
            consumer.store_offsets(m)
        except KafkaException as e:  # the partition is somebody else's by now
            sys.stderr.write(f"{e}\n")


def member(servers, group, topic, assignor):
    stopped = line.until_stopped()
    config = {
        "bootstrap.servers": servers, "group.id": group, "auto.offset.reset": "earliest",
        "auto.commit.interval.ms": 500, "enable.auto.offset.store": False,  # nothing is committed that was not told yet
    }
    if assignor == "consumer":
        config["group.protocol"] = "consumer"
    else:
        config |= {"partition.assignment.strategy": assignor, "session.timeout.ms": 6000, "heartbeat.interval.ms": 500}
    consumer = Consumer(config)
    consumer.subscribe([topic])
    while not stopped.is_set():
        messages = consumer.consume(1000, 0.1)
        for m in messages:
            if m.error() is not None:
                tell(m.error())
            else:
                line.consumed(m.partition(), m.offset())
        sys.stdout.flush()
        for m in messages:
            store(consumer, m)
    consumer.close()


if __name__ == "__main__":
    if len(sys.argv) == 2:
        line.serve(Client(sys.argv[1]))
    else:
        member(*sys.argv[1:])
