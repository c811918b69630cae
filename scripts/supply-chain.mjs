#!/usr/bin/env node
// What is shipped: node scripts/supply-chain.mjs licences | sbom [FILE]
// Both read what is installed for production, so they need no network.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

// Permissive ones only: what is shipped may be used, changed and passed on without opening what uses it.
const allowed = ['MIT', 'MIT-0', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Unlicense', 'Python-2.0', 'BlueOak-1.0.0', 'CC0-1.0'];

const isAllowed = (expression) => {
  const text = expression.replaceAll(/[()]/g, '');
  if (text.includes(' OR ')) return text.split(' OR ').some((one) => allowed.includes(one.trim()));
  return text.split(' AND ').every((one) => allowed.includes(one.trim()));
};

/** Every package that is installed for production: name, version, licence. */
function shipped() {
  const { packageManager } = JSON.parse(readFileSync('package.json', 'utf8'));
  const { status, stdout, stderr } = spawnSync('npm', ['exec', '--yes', '--', packageManager, 'licenses', 'list', '--prod', '--json'], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, shell: process.platform === 'win32' });
  if (status !== 0) throw new Error(stderr || stdout);
  const packages = Object.entries(JSON.parse(stdout)).flatMap(([licence, list]) => list.flatMap(({ name, versions }) => versions.map((version) => ({ name, version, licence }))));
  return packages.sort((a, b) => a.name.localeCompare(b.name, 'en') || a.version.localeCompare(b.version, 'en'));
}

function licences() {
  const packages = shipped();
  for (const { name, version, licence } of packages) console.log(`${licence.padEnd(24)} ${name} ${version}`);
  const refused = packages.filter(({ licence }) => !isAllowed(licence));
  console.log(`\n${packages.length} packages, ${refused.length} with a licence that is not on the list`);
  for (const { name, version, licence } of refused) console.error(`not allowed: ${name} ${version}: ${licence}`);
  return refused.length === 0;
}

function sbom(file = 'dist/sbom.cdx.json') {
  const { name, version, license } = JSON.parse(readFileSync('package.json', 'utf8'));
  const purl = (one) => `pkg:npm/${one.name.replace('@', '%40')}@${one.version}`;
  const components = shipped().map((one) => ({ type: 'library', 'bom-ref': purl(one), name: one.name, version: one.version, purl: purl(one), licenses: [{ expression: one.licence }] }));
  const bom = {
    bomFormat: 'CycloneDX', specVersion: '1.6', version: 1,
    metadata: { component: { type: 'application', 'bom-ref': `pkg:npm/${name}@${version}`, name, version, licenses: [{ license: { id: license } }] } },
    components,
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(bom, null, 2)}\n`);
  console.log(`${components.length} components in ${file}`);
  return true;
}

const [command, ...args] = process.argv.slice(2);
const commands = { licences, sbom };
if (!commands[command]) throw new Error('licences or sbom');
if (!commands[command](...args)) process.exitCode = 1;
