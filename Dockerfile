# A headless daemon: OSC and HTTP stay on the container's loopback, so run it with the host's network:
#   docker build -t klustr-bridge .
#   docker run --rm --network host -v ~/Samples:/samples:ro -v klustr:/data klustr-bridge
# Any other command takes its place. The study of a folder, with its report in ./report on the host:
#   mkdir -p report
#   docker run --rm --user "$(id -u):$(id -g)" -v ~/Samples:/samples:ro -v "$PWD/report:/report" \
#       klustr-bridge study /samples --out /report --quick
# Ctrl-C keeps what is done in report/work: the same line goes on. `-v klustr:/data`, too, keeps what numba has
# compiled for the next time. Without --user the report belongs to uid 1000, and ./report must let that write.
FROM python:3.12-slim

# /data and /report: whoever --user names must be able to write there, and has no home
RUN apt-get update \
 && apt-get install -y --no-install-recommends libportaudio2 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 bridge \
 && mkdir /data /samples /report \
 && chown bridge /data /report && chmod 1777 /data /report

COPY pyproject.toml README.md LICENSE /src/
COPY klustr_bridge /src/klustr_bridge
RUN pip install --no-cache-dir /src && rm -rf /src

USER bridge
ENV HOME=/data XDG_DATA_HOME=/data XDG_CACHE_HOME=/data/cache XDG_CONFIG_HOME=/data/config
# The installation is root's: what numba compiles is kept here, else every process of a study compiles it anew
ENV NUMBA_CACHE_DIR=/data/cache/numba MPLCONFIGDIR=/data/cache/matplotlib
VOLUME /data
STOPSIGNAL SIGINT
HEALTHCHECK --interval=30s --timeout=5s CMD \
    ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7477/status', timeout=3)"]
ENTRYPOINT ["klustr-bridge"]
CMD ["--audio", "off", "--midi", "off", "--view", "plain", "/samples"]
