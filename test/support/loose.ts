// Parts of JSON Schemas that say nothing: whoever reads them knows no more than that there is a value.
type Json = Readonly<Record<string, unknown>>;

const says = new Set(['type', 'enum', 'const', '$ref', 'anyOf', 'oneOf', 'allOf']);
const isAny = (schema: Json): boolean => typeof schema['description'] === 'string' && schema['description'].startsWith('any JSON');
const inside = (schema: Json): [string, unknown][] => [
  ...Object.entries((schema['properties'] ?? {}) as Json),
  ...['items', 'additionalProperties', 'anyOf', 'oneOf', 'allOf'].flatMap((key) => (Array.isArray(schema[key]) ? schema[key].map((one): [string, unknown] => [key, one]) : [[key, schema[key]] as [string, unknown]])),
];

/** Where a schema has no type at all, unless it says that any JSON may come. */
export function looseIn(schema: unknown, place: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = Object.keys(schema).some((key) => says.has(key)) || isAny(schema as Json) ? [] : [`${place} ${JSON.stringify(schema)}`];
  return [...own, ...inside(schema as Json).flatMap(([key, part]) => looseIn(part, `${place}.${key}`))];
}
