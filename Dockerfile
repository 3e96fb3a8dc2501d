# One image for every role: `docker run dropcopy produce tinvest`, `… process`, `… tail orders.executions`.

FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
LABEL org.opencontainers.image.title="dropcopy"
WORKDIR /build
# A compiler, and the headers of Python where it is the distribution's own; neither goes into the image.
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends gcc libc6-dev \
      $(test -e "$(python -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" || echo libpython3-dev) \
 && rm -rf /var/lib/apt/lists/*
COPY requirements.lock ./
COPY tools tools
# The lock has the tools of development too; only what the project needs to run goes into the image.
# pip resolves it again, so that a package which were missing there is an error.
RUN python tools/locked.py >run.lock \
 && python tools/locked.py hatchling mypy >build.lock \
 && python -m venv --without-pip /opt/dropcopy \
 && python -m pip --python /opt/dropcopy/bin/python install --quiet --only-binary :all: --require-hashes -r run.lock \
 && python -m pip install --quiet --only-binary :all: --require-hashes --target build-tools -r build.lock
COPY . .
RUN export PYTHONPATH=/build/build-tools \
 && /opt/dropcopy/bin/python tools/compiled.py \
 && python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . \
 && python -m pip --python /opt/dropcopy/bin/python install --quiet --no-deps --no-index dist/*.whl \
 && (cd .compiled && find . -name '*.so' -exec cp --parents -t /opt/dropcopy/lib/python3.*/site-packages {} +) \
 && install -m 755 deploy/image/healthy.py /opt/dropcopy/bin/healthy

FROM python:3.13-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="dropcopy" \
      org.opencontainers.image.description="An independent, exactly-once copy on Kafka of what became of every order you sent to a venue." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
# Nothing is installed in a running container.
RUN python -m pip uninstall --quiet --yes --root-user-action ignore pip
COPY --from=build /opt/dropcopy /opt/dropcopy
# Its file system may be read-only, so no bytecode is written; what is in the image is compiled already.
ENV PATH=/opt/dropcopy/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DROPCOPY_LOG_FORMAT=json \
    DROPCOPY_METRICS_PORT=9464 \
    DROPCOPY_BIND_HOST=0.0.0.0
# By number, so that an orchestrator sees that it is not root.
USER 10001:10001
WORKDIR /tmp
EXPOSE 9464
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["healthy"]
ENTRYPOINT ["dropcopy"]
CMD ["--help"]
