#!/bin/sh
# For scripts that still call it: there is nothing to stop.
echo "No ZooKeeper is needed: the broker keeps its own metadata. Nothing to stop; go on with bin/kafka-server-stop.sh."
