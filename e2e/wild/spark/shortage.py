"""Orders take from the stock of a product. When it falls below its threshold, one replenishment is ordered.

Arguments: the broker, and a directory for the checkpoint, from which it goes on. It ends when it has read what there is.
"""

import os
import sys

import pandas
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, from_json, struct, to_json
from pyspark.sql.streaming.state import GroupStateTimeout

STOCK, THRESHOLD = 100, 20
servers, checkpoint = sys.argv[1:]
os.environ["PYSPARK_PYTHON"] = sys.executable  # for the processes that run what follows


def stock(key, frames, state):
    (left,) = state.get if state.exists else (STOCK,)
    found = []
    orders = pandas.concat(list(frames)).sort_values("offset")  # a product is in one partition
    for order, quantity in zip(orders["order"], orders["quantity"]):
        before, left = left, left - int(quantity)
        if before >= THRESHOLD > left:
            found.append((key[0], int(order), STOCK - left))
    state.update((left,))
    yield pandas.DataFrame(found, columns=["product", "because", "quantity"])


spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.driver.memory", "512m")
    .config("spark.driver.extraClassPath", "lib/*")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.shuffle.partitions", "1")
    .getOrCreate()
)
orders = (
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", servers)
    .option("subscribe", "orders")
    .option("startingOffsets", "earliest")
    .load()
    .select(from_json(col("value").cast("string"), "`order` int, product string, quantity int").alias("o"), "offset")
    .select("o.order", "o.product", "o.quantity", "offset")
)
replenishments = orders.groupBy("product").applyInPandasWithState(
    stock, "product string, because int, quantity int", "left int", "append", GroupStateTimeout.NoTimeout
)
query = (
    replenishments.select(to_json(struct("product", "because", "quantity")).alias("value"))
    .writeStream.format("kafka")
    .option("kafka.bootstrap.servers", servers)
    .option("topic", "replenishments")
    .option("checkpointLocation", checkpoint)
    .outputMode("append")
    .trigger(availableNow=True)
    .start()
)
query.awaitTermination()
spark.stop()
