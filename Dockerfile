# syntax=docker/dockerfile:1
# attend in a container, on Debian 12:
#   docker build -t attend .
#   docker run --rm -v "$PWD/photos:/photos:ro" attend caption /photos
# The first stage builds the packages, the second has what is needed to run them.
FROM debian:12-slim AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /attend
# What is installed changes less often than the sources.
COPY tools/setup tools/setup
# A release of Debian has one version of a package, and no old ones: none is named.
# hadolint ignore=DL3008
RUN tools/setup \
 && apt-get install -q -y --no-install-recommends dpkg-dev file \
 && rm -rf /var/lib/apt/lists/*
COPY . .
# tools/package builds as many sources at once as fit into memory.
RUN cmake --preset release -DATTEND_TESTS=OFF -DPython_EXECUTABLE=/usr/bin/python3 \
 && tools/package

FROM debian:12-slim
# hadolint ignore=DL3008
RUN --mount=type=bind,from=build,source=/attend/build/release/packages,target=/packages \
    apt-get update -q \
 && apt-get install -q -y --no-install-recommends /packages/attend_*.deb /packages/attend-data_*.deb libopenblas0-openmp \
 && rm -rf /var/lib/apt/lists/*
# Nothing that it reads, pictures that strangers made among them, is read as root.
RUN useradd --create-home --uid 1000 attend
USER 1000
WORKDIR /home/attend
ENTRYPOINT ["attend"]
CMD ["--help"]
