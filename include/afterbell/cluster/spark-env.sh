# Sourced by Spark's own scripts where Mesos' dispatcher starts a driver; sent along with each of them.
# The dispatcher passes `--driver-cores 1.0`, and spark-submit takes whole numbers alone (SPARK-39617).
afterbell_arguments=()
while [ "$#" -gt 0 ]; do
  afterbell_arguments+=("$1")
  if [ "$1" = "--driver-cores" ] && [ "$#" -gt 1 ]; then
    shift
    afterbell_arguments+=("${1%%.*}")
  fi
  shift
done
set -- "${afterbell_arguments[@]}"
unset afterbell_arguments

# What the agent has of its own configuration holds as if this file were not there; an agent that keeps it elsewhere than
# in Spark's folder says so by its --executor_environment_variables.
SPARK_CONF_DIR="${AFTERBELL_SPARK_CONF_DIR:-${SPARK_HOME}/conf}"
if [ -f "${SPARK_CONF_DIR}/spark-env.sh" ]; then
  . "${SPARK_CONF_DIR}/spark-env.sh"
fi
