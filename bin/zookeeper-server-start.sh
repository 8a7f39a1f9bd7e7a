#!/bin/sh
# For scripts that still call it: there is nothing to start.
echo "No ZooKeeper is needed: the broker keeps its own metadata. Nothing to start; go on with bin/kafka-server-start.sh config/server.properties."
