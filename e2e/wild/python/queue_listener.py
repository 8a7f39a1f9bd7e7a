from kafka import KafkaConsumer

consumer = KafkaConsumer('message_queue', bootstrap_servers='localhost:9092')

for message in consumer:
    print(f'Received: {message.value}', flush=True)
