# Images from one wheel: `docker build --target server .`, `--target operator`, and `--target client` with
# the example clients. For another architecture: `--platform linux/arm64`; all dependencies have wheels for
# it, and nothing is compiled here.
#
# BASE builds: any image with Python 3.11 to 3.13, its venv module and CA certificates. RUNTIME is what the
# final images begin with: the same Python at the same path, and no more is needed (no shell, no packages).
ARG BASE=python:3.11-slim-bookworm
ARG RUNTIME=${BASE}

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python3 -m venv /build
WORKDIR /src
COPY constraints.txt ./
RUN /build/bin/pip install --quiet --constraint constraints.txt cyclonedx-bom
COPY pyproject.toml README.md LICENSE ./
# The project without its code: what it depends on is installed for this one, and so not again at each
# change of a line.
RUN mkdir -p bench/batchwright_bench operator/batchwright_operator server/batchwright_server \
 && touch bench/batchwright_bench/__init__.py operator/batchwright_operator/__init__.py \
    server/batchwright_server/__init__.py \
 && /build/bin/pip wheel --quiet --no-deps --wheel-dir /hollow .

FROM build AS wheel
COPY bench bench
COPY operator operator
COPY server server
RUN /build/bin/pip wheel --quiet --no-deps --wheel-dir /wheels .

# Environments without pip: nothing can be installed into a final image. They keep their compiled modules:
# on a read-only root these could not be written, and the operator would start seconds later.
FROM build AS server-environment
RUN python3 -m venv --without-pip /opt/batchwright \
 && /build/bin/pip --python /opt/batchwright/bin/python install --quiet --constraint constraints.txt \
    "$(ls /hollow/*.whl)[server,tracing,images,sources]" \
 # Plugins and tools of devices and formats that this image does not serve with.
 && cd /opt/batchwright/lib/python3*/site-packages/openvino \
 && rm -rf libs/*_gpu_* libs/*_npu_* libs/*.bin tools \
 && find /opt/batchwright -name tests -type d -path '*/site-packages/*' -prune -exec rm -rf {} +
COPY --from=wheel /wheels /wheels
RUN /build/bin/pip --python /opt/batchwright/bin/python install --quiet --no-deps --force-reinstall /wheels/*.whl \
 && /build/bin/cyclonedx-py environment --output-reproducible --of JSON \
    -o /opt/batchwright/sbom.cdx.json /opt/batchwright/bin/python

FROM build AS operator-environment
RUN python3 -m venv --without-pip /opt/batchwright \
 && /build/bin/pip --python /opt/batchwright/bin/python install --quiet --constraint constraints.txt \
    "$(ls /hollow/*.whl)[operator]" \
 && find /opt/batchwright -name tests -type d -path '*/site-packages/*' -prune -exec rm -rf {} +
COPY --from=wheel /wheels /wheels
RUN /build/bin/pip --python /opt/batchwright/bin/python install --quiet --no-deps --force-reinstall /wheels/*.whl \
 && /build/bin/cyclonedx-py environment --output-reproducible --of JSON \
    -o /opt/batchwright/sbom.cdx.json /opt/batchwright/bin/python

FROM build AS client-environment
RUN python3 -m venv --without-pip /opt/batchwright \
 && /build/bin/pip --python /opt/batchwright/bin/python install --quiet --constraint constraints.txt \
    "$(ls /hollow/*.whl)[client]" \
 && find /opt/batchwright -name tests -type d -path '*/site-packages/*' -prune -exec rm -rf {} +
COPY --from=wheel /wheels /wheels
RUN /build/bin/pip --python /opt/batchwright/bin/python install --quiet --no-deps --force-reinstall /wheels/*.whl \
 && /build/bin/cyclonedx-py environment --output-reproducible --of JSON \
    -o /opt/batchwright/sbom.cdx.json /opt/batchwright/bin/python

FROM ${RUNTIME} AS server
LABEL org.opencontainers.image.title="Batchwright server" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=server-environment /opt/batchwright /opt/batchwright
ENV PATH=/opt/batchwright/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER 5000:5000
EXPOSE 9000 8000 8002
ENTRYPOINT ["/opt/batchwright/bin/batchwright-server"]

FROM ${RUNTIME} AS operator
LABEL org.opencontainers.image.title="Batchwright operator" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=operator-environment /opt/batchwright /opt/batchwright
ENV PATH=/opt/batchwright/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER 5000:5000
EXPOSE 8080
ENTRYPOINT ["/opt/batchwright/bin/batchwright"]

FROM ${RUNTIME} AS client
LABEL org.opencontainers.image.title="Batchwright example clients" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=client-environment /opt/batchwright /opt/batchwright
COPY example_client /opt/example/example_client
ENV PATH=/opt/batchwright/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
WORKDIR /opt/example
USER 5000:5000
ENTRYPOINT ["/opt/batchwright/bin/python"]
