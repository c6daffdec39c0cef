# Two images from one file:  docker build --target model-server .   and   docker build --target bot .
# The base is an argument, so that it can be named by its digest.
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PATH=/venv/bin:$PATH
RUN groupadd --gid 10001 callboard && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin callboard
WORKDIR /app

# Dependencies before code: a change of code rebuilds in seconds.
FROM base AS serving-dependencies
COPY requirements/serving.txt /tmp/requirements.txt
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --requirement /tmp/requirements.txt

FROM base AS bot-dependencies
COPY requirements/bot.txt /tmp/requirements.txt
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --requirement /tmp/requirements.txt

# Serves any model: MODEL_NAME with MODEL_VERSION or MODEL_STAGE says which.
FROM base AS model-server
LABEL org.opencontainers.image.title="Callboard model server" \
      org.opencontainers.image.description="Serves the model that MODEL_NAME and MODEL_VERSION name, from MLflow's registry"
COPY --from=serving-dependencies /venv /venv
COPY bot/__init__.py bot/
COPY bot/serving bot/serving
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --start-period=60s --interval=10s --timeout=3s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
ENTRYPOINT ["python", "-m", "bot.serving"]

# The bot, without the demo.
FROM base AS bot
LABEL org.opencontainers.image.title="Callboard" \
      org.opencontainers.image.description="Releases machine-learning models from Slack, through Git"
COPY --from=bot-dependencies /venv /venv
COPY bot bot
COPY handlers handlers
RUN rm -rf bot/demo bot/serving
USER 10001:10001
EXPOSE 8080 8081
HEALTHCHECK --start-period=30s --interval=10s --timeout=3s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8081/livez', timeout=2)"]
ENTRYPOINT ["python", "-m", "bot"]
CMD ["run"]
