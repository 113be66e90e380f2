# Two stages: build with the toolchain, run with the binary, certificates and what the private
# database is made of.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
ENV SQLX_OFFLINE=true
RUN cargo build --release --locked && strip target/release/parallax

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates postgresql-15 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --home-dir /data parallax
COPY --from=build /src/target/release/parallax /usr/local/bin/parallax
USER parallax
ENV PARALLAX_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["parallax"]
CMD ["serve"]
