#!/usr/bin/env node
// What is shipped: node scripts/supply-chain.mjs licences | sbom [FILE]
// Both read what is installed for the services and the operators' tool, so they need no network. Benchmarks and tests are not shipped.
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

// Permissive ones only: what is shipped may be used, changed and passed on without opening what uses it.
const allowed = ['MIT', 'MIT-0', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Unlicense', 'Python-2.0', 'BlueOak-1.0.0', 'CC0-1.0'];

const isAllowed = (expression) => {
  const text = expression.replaceAll(/[()]/g, '');
  if (text.includes(' OR ')) return text.split(' OR ').some((one) => allowed.includes(one.trim()));
  return text.split(' AND ').every((one) => allowed.includes(one.trim()));
};

const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** Where `name` is found from `folder`, as Node does; undefined where an optional one was left out. */
function find(name, folder) {
  for (let at = folder; ; at = dirname(at)) {
    const candidate = join(at, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate);
    if (at === dirname(at)) return undefined;
  }
}

const licenceOf = ({ license, licenses }) => license?.type ?? license ?? licenses?.map(({ type }) => type).join(' OR ') ?? 'unknown';

/** Every package that services and tool need at run time: name, version, licence, and the references of what it needs itself. */
function shipped() {
  const packages = new Map();
  const visit = (folder) => {
    const { name, version, dependencies = {}, optionalDependencies = {}, ...rest } = manifestOf(folder);
    const reference = `pkg:npm/${name.replace('@', '%40')}@${version}`;
    if (packages.has(reference)) return reference;
    const own = { name, version, reference, licence: licenceOf(rest), foreign: folder.includes(`${join('/', 'node_modules', '/')}`), needs: [] };
    packages.set(reference, own);
    for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const where = find(dependency, folder);
      if (!where && dependency in dependencies && !(dependency in optionalDependencies)) throw new Error(`${name} needs ${dependency}, which is not installed`);
      if (where) own.needs.push(visit(where));
    }
    return reference;
  };
  for (const folder of [...readdirSync('services').map((name) => join('services', name)), 'packages/cli']) visit(realpathSync(folder));
  return [...packages.values()].sort((a, b) => a.reference.localeCompare(b.reference, 'en'));
}

function licences() {
  const packages = shipped().filter(({ foreign }) => foreign);
  for (const { name, version, licence } of packages) console.log(`${licence.padEnd(24)} ${name} ${version}`);
  const refused = packages.filter(({ licence }) => !isAllowed(licence));
  console.log(`\n${packages.length} packages, ${refused.length} with a licence that is not on the list`);
  for (const { name, version, licence } of refused) console.error(`not allowed: ${name} ${version}: ${licence}`);
  return refused.length === 0;
}

/** CycloneDX: the names of single licences must be SPDX's, anything longer is an expression. */
const licensesOf = (licence) => [licence.includes(' ') ? { expression: licence } : { license: { id: licence } }];

function sbom(file = 'dist/sbom.cdx.json') {
  const { name, version, license } = manifestOf('.');
  const self = `pkg:npm/${name}@${version}`;
  const packages = shipped();
  const bom = {
    bomFormat: 'CycloneDX', specVersion: '1.6', version: 1,
    metadata: { component: { type: 'application', 'bom-ref': self, name, version, licenses: licensesOf(license) } },
    components: packages.map((one) => ({ type: one.foreign ? 'library' : 'application', 'bom-ref': one.reference, name: one.name, version: one.version, ...(one.foreign && { purl: one.reference }), licenses: licensesOf(one.licence) })),
    dependencies: [{ ref: self, dependsOn: packages.filter(({ foreign }) => !foreign).map(({ reference }) => reference) }, ...packages.map(({ reference, needs }) => ({ ref: reference, dependsOn: [...new Set(needs)].sort() }))],
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(bom, null, 2)}\n`);
  console.log(`${packages.length} components in ${file}`);
  return true;
}

const [command, ...args] = process.argv.slice(2);
const commands = { licences, sbom };
if (!commands[command]) throw new Error('licences or sbom');
if (!commands[command](...args)) process.exitCode = 1;
