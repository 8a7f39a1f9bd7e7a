"""Times a hundred calls of an API and sends each response time, as text, to a topic."""

import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from kafka import KafkaConsumer, KafkaProducer


class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ok"}')

    def log_message(self, *args):
        pass


api = HTTPServer(('127.0.0.1', 0), Api)
threading.Thread(target=api.serve_forever, daemon=True).start()

producer = KafkaProducer(bootstrap_servers='localhost:9092')
for _ in range(100):
    begin = time.time()
    urllib.request.urlopen(f'http://127.0.0.1:{api.server_port}/').read()
    producer.send('response_times', str(time.time() - begin).encode('utf-8'))
producer.flush()

consumer = KafkaConsumer('response_times', bootstrap_servers='localhost:9092', auto_offset_reset='earliest', consumer_timeout_ms=5000)
times = []
for message in consumer:
    times.append(float(message.value.decode('utf-8')))
    if len(times) == 100:
        break
print(f'{len(times)} response times, all positive: {min(times) > 0}', flush=True)
