from kafka import KafkaProducer

producer = KafkaProducer(bootstrap_servers='localhost:9092')
producer.send('message_queue', b'Hello Kafka!')
producer.flush()
producer.close()
