"""kafka-python, 2.0.2 or newer, as a client of the matrix: servers, or servers, group, topic and assignor."""

import sys
import time

import kafka
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

import line

WITHIN = 60  # seconds


class Client:
    def __init__(self, servers):
        self.servers = servers

    def hello(self, ask):
        return {"version": kafka.__version__}

    def create(self, ask):
        admin = KafkaAdminClient(bootstrap_servers=self.servers)
        admin.create_topics([NewTopic(name=ask["topic"], num_partitions=ask["partitions"], replication_factor=1)])
        admin.close()

    def produce(self, ask):
        codec = None if ask["codec"] == "none" else ask["codec"]
        producer = KafkaProducer(bootstrap_servers=self.servers, acks="all", compression_type=codec, linger_ms=5)
        try:
            sent = []
            for text in ask["records"]:
                r = line.Record.read(text)
                sent.append(producer.send(ask["topic"], r.value, r.key, r.headers, partition=0, timestamp_ms=r.ts))
            producer.flush(WITHIN)
            for future in sent:
                future.get(WITHIN)
        finally:
            producer.close(0)

    def consume(self, ask):
        return self.read(ask, lambda consumer, tp: consumer.seek_to_beginning(tp))

    def seek(self, ask):
        def by_time(consumer, tp):
            consumer.seek(tp, consumer.offsets_for_times({tp: ask["ts"]})[tp].offset)

        return self.read(ask, by_time)

    def read(self, ask, place):
        consumer = KafkaConsumer(bootstrap_servers=self.servers, enable_auto_commit=False)
        try:
            tp = TopicPartition(ask["topic"], 0)
            consumer.assign([tp])
            place(consumer, tp)
            records, end = [], time.monotonic() + WITHIN
            while len(records) < ask["count"]:
                if time.monotonic() > end:
                    raise TimeoutError(f"{len(records)} of {ask['count']} records came")
                for m in consumer.poll(timeout_ms=200).get(tp, []):
                    records.append(line.Record(m.key, m.value, m.headers, m.timestamp, m.offset).line())
            return {"records": records[: ask["count"]]}
        finally:
            consumer.close()


def assignors():
    try:
        from kafka.coordinator.assignors.range import RangePartitionAssignor
        from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
        from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
    except ImportError as e:
        raise SystemExit(e)
    all = {"range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor, "sticky": StickyPartitionAssignor}
    try:
        from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
        all["cooperative-sticky"] = CooperativeStickyAssignor
    except ImportError:
        pass  # 2.0.2
    return all


def member(servers, group, topic, assignor):
    stopped = line.until_stopped()
    consumer = KafkaConsumer(
        topic, bootstrap_servers=servers, group_id=group, auto_offset_reset="earliest",
        auto_commit_interval_ms=500, session_timeout_ms=6000, heartbeat_interval_ms=500,
        partition_assignment_strategy=[assignors()[assignor]])
    while not stopped.is_set():
        for messages in consumer.poll(timeout_ms=100).values():
            for m in messages:
                line.consumed(m.partition, m.offset)
        sys.stdout.flush()
    consumer.close()


if __name__ == "__main__":
    if len(sys.argv) == 2:
        line.serve(Client(sys.argv[1]))
    else:
        member(*sys.argv[1:])
