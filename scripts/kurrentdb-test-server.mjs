// node scripts/kurrentdb-test-server.mjs [--port 2113]: the test-only server that speaks KurrentDB's gRPC, as a process. It prints
// its connection string and keeps its events in memory until it ends. For tests and for trying things; never for data.
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bundle = join(root, '.rappel', 'tmp', `kurrentdb-test-server-${process.pid}.mjs`);
await build({
  entryPoints: [join(root, 'packages/event-store-kurrentdb/test/main.ts')],
  outfile: bundle, bundle: true, platform: 'node', target: 'node20', format: 'esm', logLevel: 'error', external: ['*.node'],
  banner: { js: "import { createRequire as testRequire } from 'node:module'; const require = testRequire(import.meta.url);" },
});
process.on('exit', () => rmSync(bundle, { force: true }));
await import(pathToFileURL(bundle).href);
