# syntax=docker/dockerfile:1
# Build:  docker build -t contenance .
# Run:    docker compose up   (see compose.yaml: the port is published on loopback only)

FROM python:3.12-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/contenance
COPY requirements.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/contenance/bin/pip install --require-hashes -r requirements.lock
COPY . .
RUN /opt/contenance/bin/pip install --no-deps .

FROM python:3.12-slim-bookworm
# ca-certificates: `contenance models fetch`. libatomic1: vosk's library needs it. libportaudio2: `contenance devices` and live capture.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libatomic1 libportaudio2 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 contenance \
    && mkdir -p /data/models \
    && chown -R contenance:contenance /data
COPY --from=build /opt/contenance /opt/contenance
ENV PATH=/opt/contenance/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CONTENANCE_SERVER__HOST=0.0.0.0 \
    CONTENANCE_SERVER__ALLOW_REMOTE=true \
    CONTENANCE_STORE__PATH=/data/calls.sqlite3 \
    CONTENANCE_MODELS_DIR=/data/models
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8765
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/healthz', timeout=4)"]
ENTRYPOINT ["contenance"]
CMD ["serve"]
