# One image for every service, the console and the command line: `docker run IMAGE serve NAME`.
ARG NODE=20.20.2

# The manifests alone: their copy is the same as long as no dependency changes, and so is what is installed from them.
FROM node:${NODE}-bookworm-slim AS manifests
WORKDIR /app
COPY . .
RUN mkdir /manifests && cp --parents package.json package-lock.json .npmrc */*/package.json /manifests

FROM node:${NODE}-bookworm-slim AS installed
WORKDIR /app
COPY --from=manifests /manifests ./
COPY apps/cli/bin apps/cli/bin
RUN --mount=type=cache,target=/root/.npm npm ci

FROM installed AS built
COPY . .
RUN npx tsc -b apps/cli \
 && rm -rf node_modules */*/src tsconfig*.json */*/tsconfig.json biome.json vitest.config.ts .oxlintrc.json \
 && find . -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.tsbuildinfo' \) -delete

# No compiler, no types, no maps; of ONNX Runtime's and libsql's native files only those of this image's architecture.
FROM installed AS pruned
ARG TARGETARCH
RUN --mount=type=cache,target=/root/.npm npm prune --omit=dev \
 && cd node_modules \
 && find onnxruntime-node/bin -mindepth 3 -maxdepth 3 ! -path "*/linux/$(echo "$TARGETARCH" | sed s/amd64/x64/)" -exec rm -rf {} + \
 && rm -rf @libsql/*-musl \
 && find . -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.md' \) -delete

FROM node:${NODE}-bookworm-slim
LABEL org.opencontainers.image.title="Relearn" org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY --from=pruned /app/node_modules node_modules
COPY --from=built /app .
RUN ln -s /app/node_modules/.bin/relearn /usr/local/bin/relearn && install -d -o node -g node /data /keys /keys/trusted
# npx finds the command here; it must neither ask a registry nor write to the file system of the image.
ENV NODE_ENV=production \
    RELEARN_DATA=/data \
    RELEARN_HTTP=0.0.0.0:8080 \
    RELEARN_GRPC=0.0.0.0:8001 \
    npm_config_cache=/tmp/npm \
    npm_config_logs_max=0 \
    npm_config_offline=true \
    npm_config_update_notifier=false
USER node
EXPOSE 8080 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=10s --retries=3 --start-period=120s CMD ["infra/docker/healthy"]
ENTRYPOINT ["relearn"]
CMD ["up"]
