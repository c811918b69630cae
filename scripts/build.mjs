// Bundles every service and tool into one self-contained file each: dist/<name>.mjs, beside dist/lazy/, which is read by need.
// Five services that each resolve hundreds of small files start several times slower than five bundles.
//   node scripts/build.mjs [--production]   --production copies the few files that cannot be bundled instead of linking them
import { cpSync, existsSync, mkdirSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');

// Native code and plain files: kept beside the bundles. Each is found from the package that depends on it.
const beside = [
  { name: 'swagger-ui-dist', from: ['packages/service-kit'] },
  ...['linux-x64-gnu', 'linux-x64-musl', 'linux-arm64-gnu', 'linux-arm64-musl', 'darwin-arm64', 'darwin-x64', 'win32-x64-msvc']
    .map((platform) => ({ name: `@kurrent/bridge-${platform}`, from: ['packages/event-store-kurrentdb', '@kurrent/kurrentdb-client', '@kurrent/bridge'] })),
];

/** `src/main.ts` of every service and package, by the name of its folder. */
export function entryPoints() {
  const entries = ['services', 'packages'].flatMap((kind) => readdirSync(join(root, kind)).map((name) => [name, join(root, kind, name, 'src/main.ts')]));
  return Object.fromEntries(entries.filter(([, file]) => existsSync(file)));
}

export async function build({ production = false } = {}) {
  const { build: bundle, stop } = await import('esbuild');
  rmSync(dist, { recursive: true, force: true });
  const options = {
    outdir: dist,
    outExtension: { '.js': '.mjs' },
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // Without `keepNames`: it calls a helper for each function made at run time, some 4 % of a busy service. Errors name themselves.
    // A process holds its source in memory: without indentation it is a third smaller. Lines stay short, so that stack traces say where.
    minifyWhitespace: true,
    lineLimit: 120,
    legalComments: 'none',
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'error',
    // The debug build of KurrentDB's addon is named in its loader and never shipped.
    external: ['*.node', ...optional, ...beside.map(({ name }) => name)],
    banner: { js: "import { createRequire as rappelRequire } from 'node:module'; import { fileURLToPath as rappelPath } from 'node:url'; import { dirname as rappelDirname } from 'node:path'; const require = rappelRequire(import.meta.url); const __filename = rappelPath(import.meta.url); const __dirname = rappelDirname(__filename);" },
  };
  const { cli, ...rest } = entryPoints();
  const apart = new Map();
  await bundle({ ...options, entryPoints: rest, plugins: [setApart(apart)] });
  await bundle({ ...options, entryPoints: Object.fromEntries(apart) });
  // The tool reads what a command needs and no more: its help would otherwise wait for 6 MB.
  await bundle({ ...options, entryPoints: { cli }, splitting: true, chunkNames: 'cli/[name]-[hash]' });
  // Its process would live as long as this one, which goes on to run the system.
  await stop();
  for (const { name, from } of beside) place(name, from, production);
}

// Nest tries these at run time and goes on without them. A list, since asking a plugin about each import made the build several times slower.
const optional = [
  '@fastify/multipart', '@fastify/static', '@fastify/view', '@nestjs/platform-express', '@nestjs/websockets', 'amqp-connection-manager',
  'class-transformer', 'class-validator', 'ioredis', 'kafkajs', 'mqtt',
];

// Imported dynamically, by few and seldom: bundles of their own, so that no other process holds their source in memory.
const lazy = /^(@rappel\/event-store-kurrentdb|mailparser|pino-pretty)$/;

/** Leaves out what is lazy and notes where it lies, by the name of its bundle. */
function setApart(apart) {
  return {
    name: 'lazy',
    setup(build) {
      build.onResolve({ filter: lazy }, async ({ path, kind, resolveDir }) => {
        if (kind !== 'dynamic-import') return undefined;
        const name = `lazy/${path.split('/').at(-1)}`;
        apart.set(name, (await build.resolve(path, { kind: 'import-statement', resolveDir })).path);
        return { path: `./${name}.mjs`, external: true };
      });
    },
  };
}

function place(name, from, production) {
  const source = locate(name, from);
  if (!source) return;
  const target = join(dist, 'node_modules', name);
  mkdirSync(dirname(target), { recursive: true });
  if (production) cpSync(source, target, { recursive: true, dereference: true });
  else symlinkSync(relative(dirname(target), source), target);
}

function locate(name, [first, ...rest]) {
  let folder = join(root, first);
  for (const step of [...rest, name]) {
    const found = findPackage(folder, step);
    if (!found) return undefined;
    folder = found;
  }
  return folder;
}

function findPackage(folder, name) {
  const candidates = createRequire(join(folder, 'package.json')).resolve.paths(name) ?? [];
  const found = candidates.map((path) => join(path, name)).find((path) => existsSync(join(path, 'package.json')));
  return found && realpathSync(found);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build({ production: process.argv.includes('--production') });
