"""Writes numbered records with idempotent producers of librdkafka until standard input ends.

Idempotence is switched on, which is not librdkafka's default, and a connection is tried again
after half a second at most; all else is default. The protocol on standard output is that of
package foreign.

Arguments: bootstrap servers, topics, partitions, records per second and producer, number of the
first client, codecs (one producer each).
"""

import select
import sys
import time

from confluent_kafka import Producer, libversion

MOST_WAITING = 5000
TICK = 0.01

out = []


class Writer:
    def __init__(self, servers, topics, partitions, rate, client, codec):
        self.topics, self.partitions, self.rate, self.client = topics, partitions, rate, client
        self.next = self.waiting = 0
        self.begin = time.monotonic()
        self.producer = Producer({
            "bootstrap.servers": servers,
            "client.id": "librdkafka-" + codec,
            "compression.type": codec,
            "enable.idempotence": True,
            "reconnect.backoff.max.ms": 500,
            "error_cb": self.error,
        })

    def error(self, error):
        if error.fatal():
            out.append(f"f {error}")

    def tick(self):
        """Sends what is due."""
        due = int((time.monotonic() - self.begin) * self.rate)
        due = min(due, self.next + MOST_WAITING - self.waiting)
        numbers = range(self.next, max(due, self.next))
        for n in numbers:
            value, topic, partition = self.place(n)
            out.append(f"s {value} {topic} {partition}")
        flush()
        for n in numbers:
            self.send(n)
        self.next = numbers.stop
        self.producer.poll(0)

    def place(self, n):
        topic = n % len(self.topics)
        return self.client << 40 | n, topic, n // len(self.topics) % self.partitions

    def send(self, n):
        value, topic, partition = self.place(n)

        def done(error, message):
            self.waiting -= 1
            if error is None:
                out.append(f"a {value} {message.offset()}")
            else:
                out.append(f"o {value} {error}")

        try:
            self.producer.produce(self.topics[topic], payload(value), partition=partition, on_delivery=done)
            self.waiting += 1
        except BufferError as error:  # it was not taken, and will never be sent
            out.append(f"n {value} {error}")


def payload(value):
    """The number of the record, again and again, to a length that hangs on it."""
    unit = b"%d " % value
    size = len(unit) + value % 400
    return (unit * (size // len(unit) + 1))[:size]


def flush():
    if out:
        lines = "\n".join(out) + "\n"
        out.clear()
        sys.stdout.write(lines)
        sys.stdout.flush()


def main():
    servers, topics, partitions, rate, first, codecs = sys.argv[1:]
    print("librdkafka", libversion()[0], file=sys.stderr)
    writers = [
        Writer(servers, topics.split(","), int(partitions), int(rate), int(first) + i, codec)
        for i, codec in enumerate(codecs.split(","))
    ]
    while not (select.select([sys.stdin], [], [], TICK)[0] and not sys.stdin.buffer.read1()):
        for writer in writers:
            writer.tick()
        flush()
    for writer in writers:
        writer.producer.flush()
    flush()


main()
