# Two images from one wheel: `docker build --target server .` and `docker build --target operator .`
# Any image with Python 3.11 to 3.13, its venv module and CA certificates will do as BASE.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_COMPILE=1 PYTHONDONTWRITEBYTECODE=1
RUN python3 -m venv /build
WORKDIR /src
COPY constraints.txt ./
RUN /build/bin/pip install --quiet --constraint constraints.txt cyclonedx-bom
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
COPY server server
RUN /build/bin/pip wheel --quiet --no-deps --wheel-dir /wheels .

# An environment without pip: nothing can be installed into the final image.
FROM build AS server-environment
RUN python3 -m venv --without-pip /opt/batchwright \
 && /build/bin/pip --python /opt/batchwright/bin/python install --quiet --constraint constraints.txt \
    "$(ls /wheels/*.whl)[server,tracing]" \
 # Plugins and tools of devices and formats that this image does not serve with.
 && cd /opt/batchwright/lib/python3*/site-packages/openvino \
 && rm -rf libs/*_gpu_* libs/*_npu_* libs/*.bin tools \
 && find /opt/batchwright -name tests -type d -path '*/site-packages/*' -prune -exec rm -rf {} + \
 && /build/bin/cyclonedx-py environment --output-reproducible --of JSON \
    -o /opt/batchwright/sbom.cdx.json /opt/batchwright/bin/python

FROM build AS operator-environment
RUN python3 -m venv --without-pip /opt/batchwright \
 && /build/bin/pip --python /opt/batchwright/bin/python install --quiet --constraint constraints.txt \
    "$(ls /wheels/*.whl)[operator]" \
 && find /opt/batchwright -name tests -type d -path '*/site-packages/*' -prune -exec rm -rf {} + \
 && /build/bin/cyclonedx-py environment --output-reproducible --of JSON \
    -o /opt/batchwright/sbom.cdx.json /opt/batchwright/bin/python

FROM ${BASE} AS server
LABEL org.opencontainers.image.title="Batchwright server" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=server-environment /opt/batchwright /opt/batchwright
ENV PATH=/opt/batchwright/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER 5000:5000
EXPOSE 9000 8000 8002
ENTRYPOINT ["/opt/batchwright/bin/batchwright-server"]

FROM ${BASE} AS operator
LABEL org.opencontainers.image.title="Batchwright operator" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=operator-environment /opt/batchwright /opt/batchwright
ENV PATH=/opt/batchwright/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER 5000:5000
EXPOSE 8080
ENTRYPOINT ["/opt/batchwright/bin/batchwright"]
