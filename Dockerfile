# One image for the five services and the operators' tool; which one runs is the command.
# Built from the same lockfile and the same build script as everywhere else.
FROM node:20.20-bookworm-slim AS build
WORKDIR /src
COPY . .
# What runs on a desk only stays out.
RUN node scripts/rappel.mjs build --production && rm -f dist/demo.* dist/local-stack.* dist/bench.* dist/chaos.*

FROM node:20.20-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 MALLOC_ARENA_MAX=2
WORKDIR /app
COPY --from=build /src/dist ./dist
COPY --from=build /src/package.json ./
USER node
# No shell in between, so that signals reach the service; the service closes in order on SIGTERM.
ENTRYPOINT ["node"]
CMD ["dist/loan.mjs"]
