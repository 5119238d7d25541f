# A headless daemon: OSC and HTTP stay on the container's loopback, so run it with the host's network:
#   docker build -t klustr-bridge .
#   docker run --rm --network host -v ~/Samples:/samples:ro -v klustr:/data klustr-bridge
FROM python:3.12-slim

RUN apt-get update \
 && apt-get install -y --no-install-recommends libportaudio2 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 bridge \
 && mkdir /data /samples && chown bridge /data

COPY pyproject.toml README.md LICENSE /src/
COPY klustr_bridge /src/klustr_bridge
RUN pip install --no-cache-dir /src && rm -rf /src

USER bridge
ENV XDG_DATA_HOME=/data XDG_CACHE_HOME=/data/cache XDG_CONFIG_HOME=/data/config
VOLUME /data
STOPSIGNAL SIGINT
HEALTHCHECK --interval=30s --timeout=5s CMD \
    ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7477/status', timeout=3)"]
ENTRYPOINT ["klustr-bridge"]
CMD ["--audio", "off", "--midi", "off", "--view", "plain", "/samples"]
