#!/bin/sh
# Arguments as of Kafka's kafka-e2e-latency.
self=$0
while [ -h "$self" ]; do
  to=$(readlink "$self")
  case $to in
    /*) self=$to ;;
    *) self=$(dirname "$self")/$to ;;
  esac
done
exec "$(dirname "$self")/thalweg-run.sh" kafka-e2e-latency "$@"
