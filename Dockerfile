# Two images, both built by compose.yaml (docs/operating.md, “Containers”): `service`, the default, and `asterisk`.
# Both run as user 900, so that Asterisk can read the configuration that the service renders for it.

FROM debian:bookworm-slim AS libraries
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-pip python3-venv
COPY requirements.lock /
RUN python3 -m venv --without-pip /opt/huifang \
    && pip --python /opt/huifang/bin/python install --no-cache-dir --require-hashes --requirement /requirements.lock


FROM debian:forky-slim AS asterisk
RUN groupadd --system --gid 900 asterisk \
    && useradd --system --uid 900 --gid asterisk --home-dir /var/lib/asterisk --no-create-home asterisk \
    && apt-get update \
    && apt-get install --yes --no-install-recommends 'asterisk=1:22.*' \
    && rm -rf /var/lib/apt/lists/* /etc/asterisk \
    && install --directory --owner=asterisk --group=asterisk /etc/asterisk /run/asterisk \
    # a tmpfs mounted on a folder inherits its mode, not its owner
    && chmod 1777 /run/asterisk /var/log/asterisk /var/spool/asterisk
USER asterisk
VOLUME /etc/asterisk
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["asterisk", "-rx", "core waitfullybooted"]
CMD ["asterisk", "-f"]


FROM debian:bookworm-slim AS service
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 900 huifang \
    && useradd --system --uid 900 --gid huifang --home-dir /data --no-create-home huifang \
    && install --directory --owner=huifang --group=huifang /data /etc/asterisk
ENV PATH=/opt/huifang/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HUIFANG_HOST=0.0.0.0 \
    HUIFANG_PORT=8080 \
    HUIFANG_DATA=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"HUIFANG_PORT\"]}/health', timeout=4)"]
CMD ["python", "service.py", "run"]
COPY --from=libraries /opt/huifang /opt/huifang
COPY . /srv/huifang
WORKDIR /srv/huifang
USER huifang
