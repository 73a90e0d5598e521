# An image with one file in it: the program, static, with its schemas and the root certificates.
#
#   docker build -t producer-load .
#
# The builder needs a Rust toolchain and a C compiler, and of the network nothing but the crate registry.
# Another one is named by BUILDER_IMAGE.
ARG BUILDER_IMAGE=rust:1.95-bookworm

FROM ${BUILDER_IMAGE} AS builder
WORKDIR /src
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# A static binary of the usual target resolves names by itself. With --target the flag does not reach build
# scripts and procedural macros, which cannot be static.
ENV RUSTFLAGS="-C target-feature=+crt-static" \
    CARGO_PROFILE_RELEASE_DEBUG=none \
    CARGO_PROFILE_RELEASE_STRIP=symbols

# The layer of the dependencies: made again only when they change. The targets that Cargo.toml names have to be
# there; they are empty.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY scripts/protoc scripts/protoc
COPY scripts/protox scripts/protox
RUN mkdir -p src benches tests/integration \
    && touch src/lib.rs tests/integration/main.rs \
    && sed -n '/^\[\[bench\]\]/{n;s/name = "\(.*\)"/benches\/\1.rs/p}' Cargo.toml | xargs touch \
    && echo 'fn main() {}' > src/main.rs \
    && cargo build --release --locked --target "$(rustc -vV | sed -n 's/^host: //p')"

COPY schemas schemas
COPY src src
# Cargo compares times, and those of the checkout may be older than the empty files were.
RUN target=$(rustc -vV | sed -n 's/^host: //p') \
    && touch src/lib.rs src/main.rs \
    && cargo build --release --locked --target "$target" \
    && cp "target/$target/release/producer-load" /producer-load

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="producer-load" \
      org.opencontainers.image.description="Puts a defined, repeatable load of AVRO events on Apache Pulsar" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=builder /producer-load /producer-load
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["/producer-load"]
