#!/bin/sh
# Arguments as of Kafka's: [-daemon] server.properties [--override property=value]*
self=$0
while [ -h "$self" ]; do
  to=$(readlink "$self")
  case $to in
    /*) self=$to ;;
    *) self=$(dirname "$self")/$to ;;
  esac
done
bin=$(dirname "$self")
# The log of a server in the background; it is relative to the installation, not to where it is started.
LOG_DIR=${LOG_DIR:-$(cd -P "$bin/.." && pwd)/logs}
export LOG_DIR
exec "$bin/thalweg-run.sh" server "$@"
