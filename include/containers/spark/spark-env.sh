# Read by all of Spark's scripts. A task on Mesos inherits nothing of its agent's environment; this file is where the
# agent has put the keys for it (include/containers/mesos/start). Elsewhere the variable isn't set.
if [ -r "${AFTERBELL_NODE_ENV:-}" ]; then
  . "$AFTERBELL_NODE_ENV"
fi
