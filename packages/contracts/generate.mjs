// Writes generated/ (AsyncAPI, JSON Schemas) from the zod schemas, and enters new versions in published.json.
//   node packages/contracts/generate.mjs
// A version that is in published.json never changes: a new shape is a new version.
import { build } from 'esbuild';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const { outputFiles } = await build({ entryPoints: [join(here, 'src/documents.ts')], bundle: true, platform: 'node', format: 'esm', write: false, logLevel: 'error' });
const { files, shapes } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);

const generated = join(here, 'generated');
rmSync(generated, { recursive: true, force: true });
for (const [name, text] of Object.entries(files())) {
  const path = join(generated, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

const list = join(here, 'published.json');
const published = JSON.parse(readFileSync(list, 'utf8'));
const changed = Object.entries(shapes()).filter(([name, shape]) => published[name] && published[name] !== shape).map(([name]) => name);
if (changed.length > 0) {
  console.error(`Published, and changed now: ${changed.join(', ')}. Neighbours rely on it: give the new shape a new version.`);
  process.exitCode = 1;
}
writeFileSync(list, `${JSON.stringify(Object.fromEntries(Object.entries({ ...shapes(), ...published }).sort()), null, 2)}\n`);
