import fc from 'fast-check';
import type { JsonSchema } from './operations.ts';

type Maker = (schema: JsonSchema) => fc.Arbitrary<unknown>;
const number = (value: unknown, otherwise: number): number => (typeof value === 'number' ? Math.max(-1e9, Math.min(1e9, value)) : otherwise);
const near = (days: number): string => new Date(Date.UTC(2027, 0, 1) + days * 86_400_000).toISOString();

const formats: Readonly<Record<string, fc.Arbitrary<string>>> = {
  'date-time': fc.integer({ min: -3000, max: 3000 }).map(near),
  date: fc.integer({ min: -3000, max: 3000 }).map((days) => near(days).slice(0, 10)),
  uuid: fc.uuid(),
  email: fc.emailAddress(),
};

function text({ format, pattern, minLength, maxLength }: JsonSchema): fc.Arbitrary<string> {
  const known = formats[String(format)];
  if (known) return known;
  if (typeof pattern === 'string' && pattern.includes('[01]')) return fc.tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 })).map(([h, m]) => `${String(h).padStart(2, '0')}:${String(m).padStart(2, '0')}`);
  if (pattern === '^[A-Za-z]') return fc.constantFrom('Europe/Paris', 'America/Martinique', 'Pacific/Noumea', 'UTC');
  const word = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,9}$/);
  if (typeof pattern === 'string') return word;
  const least = number(minLength, 0);
  return fc.oneof({ weight: 6, arbitrary: word }, { weight: 1, arbitrary: fc.string({ minLength: least, maxLength: Math.max(least, Math.min(number(maxLength, 20), 200)) }) });
}

function object({ properties = {}, required = [], additionalProperties }: JsonSchema): fc.Arbitrary<unknown> {
  const fields = Object.fromEntries(Object.entries(properties as Record<string, JsonSchema>).map(([name, one]) => [name, valueOf(one)]));
  const known = fc.record(fields, { requiredKeys: (required as string[]).filter((name) => name in fields) });
  if (Object.keys(fields).length > 0 || typeof additionalProperties !== 'object') return known;
  return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), valueOf(additionalProperties as JsonSchema), { maxKeys: 3 });
}

const makers: Readonly<Record<string, Maker>> = {
  string: text,
  integer: ({ minimum, maximum }) => fc.integer({ min: number(minimum, -5), max: number(maximum, 1000) }),
  number: ({ minimum, maximum }) => fc.double({ min: number(minimum, -5), max: number(maximum, 1000), noNaN: true }),
  boolean: () => fc.boolean(),
  null: () => fc.constant(null),
  array: ({ items, minItems, maxItems }) => fc.array(items ? valueOf(items as JsonSchema) : fc.constant(1), { minLength: number(minItems, 0), maxLength: Math.min(number(maxItems, 4), 6) }),
  object,
};

/** Values that a JSON Schema of ours describes (nearly: patterns are only met by luck or by name). */
export function valueOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema['const']);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...schema['enum'] as unknown[]);
  const choices = (schema['anyOf'] ?? schema['oneOf']) as JsonSchema[] | undefined;
  if (choices) return fc.oneof(...choices.map(valueOf));
  const [first] = (schema['allOf'] ?? []) as JsonSchema[];
  if (first) return valueOf(first);
  const types = [schema['type']].flat().filter((type): type is string => typeof type === 'string');
  const made = types.map((type) => makers[type]?.(schema)).filter((one) => one !== undefined);
  return made.length > 0 ? fc.oneof(...made) : text(schema);
}
