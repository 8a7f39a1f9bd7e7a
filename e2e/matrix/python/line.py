"""The protocol of the matrix for programs in Python; what the lines say stands in ../doc.go."""

import base64
import json
import os
import sys
import threading


def encode(value):
    return None if value is None else base64.b64encode(value).decode()


def decode(text):
    return None if text is None else base64.b64decode(text)


class Record:
    """One record, its fields as bytes or None."""

    def __init__(self, key, value, headers, ts, offset=0):
        self.key, self.value, self.headers, self.ts, self.offset = key, value, headers, ts, offset

    @classmethod
    def read(cls, line):
        headers = [(h["name"], decode(h["value"])) for h in line["headers"] or []]
        return cls(decode(line["key"]), decode(line["value"]), headers, line["ts"])

    def line(self):
        headers = [{"name": name, "value": encode(value)} for name, value in self.headers]
        return {"offset": self.offset, "ts": self.ts, "key": encode(self.key), "value": encode(self.value), "headers": headers}


def serve(client):
    """Answers one line of standard input after the other with what the methods of client return."""
    for text in sys.stdin:
        ask = json.loads(text)
        try:
            answer = getattr(client, ask["do"])(ask) or {}
        except Exception as e:  # of whatever kind: the run goes on and says so
            answer = {"error": f"{type(e).__name__}: {e}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def until_stopped():
    """Returns an event that is set when standard input ends."""
    stopped = threading.Event()

    def wait():
        while os.read(0, 4096):
            pass
        stopped.set()

    threading.Thread(target=wait, daemon=True).start()
    return stopped


def consumed(partition, offset):
    """A member of a group has consumed a record."""
    sys.stdout.write(f"{partition} {offset}\n")
