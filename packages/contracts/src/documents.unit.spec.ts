import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { looseIn } from '../../../test/support/loose.ts';
import { asyncApi, files, jsonSchemas, shapes } from './documents.ts';

const folder = 'packages/contracts';
const read = (path: string) => readFileSync(join(folder, path), 'utf8');
const regenerate = 'run "node packages/contracts/generate.mjs"';

describe('what neighbours are told', () => {
  it('is generated afresh', () => {
    const there = readdirSync(join(folder, 'generated'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => entry.name).sort();
    expect(there).toEqual(Object.keys(files()).map((name) => name.split('/').at(-1)).sort());
    for (const [name, text] of Object.entries(files())) if (read(`generated/${name}`) !== text) throw new Error(`generated/${name} is stale: ${regenerate}`);
  });

  it('never changes once published', () => {
    const published = JSON.parse(read('published.json')) as Record<string, string>;
    const now = shapes();
    expect(Object.keys(now).filter((name) => !(name in published))).toEqual([]);
    for (const [name, shape] of Object.entries(published)) {
      if (now[name] === undefined) throw new Error(`${name} was published and is gone: neighbours rely on it`);
      if (now[name] !== shape) throw new Error(`${name} was published with another shape: neighbours rely on it, give the new one a new version`);
    }
  });

  it('notices a changed shape', () => {
    const [name, shape] = Object.entries(shapes())[0]!;
    expect(JSON.stringify({ ...JSON.parse(shape) as object, required: [] })).not.toBe(shapes()[name]);
  });

  it('says of every value what it is', () => {
    const loose = Object.entries(jsonSchemas()).flatMap(([name, schema]) => looseIn(schema, name));
    expect(loose).toEqual([]);
    expect(looseIn({ type: 'object', properties: { at: {}, many: { type: 'array', items: { description: 'x' } }, free: { description: 'any JSON' } } }, 'x')).toEqual(['x.at {}', 'x.many.items {"description":"x"}']);
    expect(jsonSchemas()['loan.attribution-returned.v1']).toMatchObject({ properties: { at: { type: 'string', format: 'date-time' }, loan: { properties: { dueAt: { type: 'string', format: 'date-time' } } } } });
  });

  it('has a channel with a message for every operation, and every reference leads somewhere', () => {
    const document = asyncApi();
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!).filter((path) => !path.startsWith('$defs') && !path.startsWith('definitions'));
    expect(references.length).toBeGreaterThan(30);
    for (const reference of references) {
      const found = reference.split('/').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document);
      if (found === undefined) throw new Error(`#/${reference} leads nowhere`);
    }
  });
});
