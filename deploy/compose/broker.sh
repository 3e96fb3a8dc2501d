#!/usr/bin/env bash
# Starts Apache Kafka's official image with the care that a lone broker needs after it was killed.
#
# Until the controller has ended the killed broker's session, its successor acts as the leader of partitions
# that are then taken from it for a moment. Transactions that were committed but not marked yet lose their
# markers in that moment, and readers of committed records wait for ever. So the controller runs by itself
# first, until it has fenced the former broker off. Where several brokers share the partitions, none of this
# is needed.
set -euo pipefail

data=${KAFKA_LOG_DIRS:?names the folder of the data}
run=/etc/kafka/docker/run

controller_alone() {
  KAFKA_PROCESS_ROLES=controller KAFKA_LISTENERS=$CONTROLLER_LISTENER KAFKA_ADVERTISED_LISTENERS=$CONTROLLER_ADVERTISED \
    KAFKA_BROKER_SESSION_TIMEOUT_MS=1000 KAFKA_BROKER_HEARTBEAT_INTERVAL_MS=500 exec "$run" 2>&1
}

if [[ -e $data/meta.properties && ! -e $data/.kafka_cleanshutdown ]]; then
  echo "the broker was killed: fencing its last session off"
  coproc controller_alone
  controller=$COPROC_PID
  # The container's stop ends this one too.
  trap 'kill "$controller" 2>/dev/null; exit 143' TERM INT
  # One that was killed before it was registered has no session to end.
  deadline=$((SECONDS + FENCING_TIMEOUT_S))
  while ((SECONDS < deadline)); do
    line=
    if read -r -t 1 line <&"${COPROC[0]}"; then
      if [[ $line == *"Fencing broker $KAFKA_NODE_ID "* ]]; then
        echo "fenced off"
        break
      fi
    elif ! kill -0 "$controller" 2>/dev/null; then
      echo "the controller did not run by itself" >&2
      break
    fi
  done
  kill "$controller" 2>/dev/null || true
  cat <&"${COPROC[0]}" >/dev/null || true
  wait "$controller" || true
  trap - TERM INT
fi

exec "$run"
