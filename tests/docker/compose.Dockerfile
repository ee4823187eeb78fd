# Docker's own compose, to read compose.yaml as an operator's machine does.
FROM debian:forky-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends docker-compose \
    && rm -rf /var/lib/apt/lists/*
ENTRYPOINT ["docker-compose"]
