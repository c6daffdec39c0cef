# Two images from one file; `make image` builds both.  The digest is from docker-library/repo-info,
# repos/python/remote/3.11-slim-bookworm.md.  It is not an ARG, because Dependabot does not update ARGs
# (https://github.com/dependabot/dependabot-core/issues/2057); docs/images.md says how to build on another base.
FROM docker.io/library/python:3.11-slim-bookworm@sha256:0bee7276f83efd4a1ee05bbbf4281d95ed28e079220a9457f25a93e3f1e3c31b AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PATH=/venv/bin:$PATH
RUN groupadd --gid 10001 callboard \
 && useradd --no-log-init --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin callboard
WORKDIR /app

# Everything installed here is compiled to bytecode, because nothing is written at run time.  pip is not in the /venv.
FROM base AS builder
ENV PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv --without-pip /venv

# Dependencies before code, so that a code change rebuilds in seconds.
FROM builder AS serving-dependencies
COPY requirements/serving.txt /tmp/requirements.txt
RUN /usr/local/bin/python -m pip --python /venv/bin/python install --require-hashes --requirement /tmp/requirements.txt

FROM builder AS bot-dependencies
COPY requirements/bot.txt /tmp/requirements.txt
RUN /usr/local/bin/python -m pip --python /venv/bin/python install --require-hashes --requirement /tmp/requirements.txt

FROM builder AS serving-code
COPY callboard_model_server callboard_model_server
RUN python -m compileall -q callboard_model_server

FROM builder AS bot-code
COPY bot bot
COPY handlers handlers
RUN python -m compileall -q bot handlers

# Serves any model, selected by MODEL_NAME and MODEL_VERSION or MODEL_STAGE.
FROM base AS model-server
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY --from=serving-dependencies /venv /venv
COPY --from=serving-code /app /app
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --start-period=60s --interval=10s --timeout=3s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.getenv(\"PORT\") or 8080}/readyz', timeout=2)"]
ENTRYPOINT ["python", "-m", "callboard_model_server"]
ARG VERSION=0.0.0
ARG REVISION=unknown
# buildah takes labels from its cache even if these ARGs differ (its issue 5501), unless a RUN uses them.
RUN : "${VERSION} ${REVISION}"
LABEL org.opencontainers.image.title="Callboard model server" \
      org.opencontainers.image.description="Serves the model that MODEL_NAME and MODEL_VERSION name, from MLflow's registry" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM base AS bot
COPY --from=bot-dependencies /venv /venv
COPY --from=bot-code /app /app
USER 10001:10001
EXPOSE 8080 8081
HEALTHCHECK --start-period=30s --interval=10s --timeout=3s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.getenv(\"INTERNAL_PORT\") or 8081}/livez', timeout=2)"]
ENTRYPOINT ["python", "-m", "bot"]
CMD ["run"]
ARG VERSION=0.0.0
ARG REVISION=unknown
RUN : "${VERSION} ${REVISION}"
LABEL org.opencontainers.image.title="Callboard" \
      org.opencontainers.image.description="Releases machine-learning models from Slack, through Git" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
