from kafka import KafkaConsumer

consumer = KafkaConsumer('message_queue', bootstrap_servers='localhost:9092', group_id='message_queue_readers',
                         auto_offset_reset='earliest', enable_auto_commit=True)

for message in consumer:
    print(f'Received: {message.value}', flush=True)
