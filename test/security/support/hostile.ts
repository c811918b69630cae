import fc from 'fast-check';

/** Strings that have broken something somewhere. */
export const hostileStrings: readonly string[] = [
  '', ' ', '\u0000', 'a\r\nBcc: victim@example.org', 'a\nSubject: hello', '%0d%0aSet-Cookie: a=b', '{{constructor.constructor("return process")()}}', '{{7*7}}', '{{{raw}}}', '${7*7}', '<%= 7*7 %>',
  '<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '\u202Egnp.exe', '\u2066hidden\u2069', '\u200b\ufeff', '\ud800', 'e\u0301'.repeat(40), '\u{1F469}\u200d\u{1F4BB}', 'ﷺ'.repeat(100), 'İstanbul', 'A'.repeat(5000),
  '../../../etc/passwd', '..%2f..%2f', '%00', '%', '%E0%A4%A', "'; DROP TABLE notification; --", '__proto__', 'constructor', 'toString', 'null', 'undefined', 'NaN', 'true', '-1', '1e999', '9'.repeat(400), '0x10', '१२३',
  '9999-12-31', '0000-00-00', '2026-02-30', '-271821-04-20T00:00:00Z', '+275760-09-13T00:00:00.001Z', '2026-01-01T25:61:61Z', '2026-01-01T00:00:00+99:99', '1970-01-01T00:00:00Z', 'Europe/Atlantis', 'Etc/GMT+99', '__proto__.polluted', 'EMAIL,EMAIL', '@@@', 'a@b@c', '+33 6 12\u00a034 56 78', '٠٦١٢٣٤٥٦٧٨',
];

export const hostileString = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...hostileStrings) }, fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ maxLength: 300 }));

const deep = fc.integer({ min: 5, max: 400 }).map((depth) => JSON.parse(`${'{"a":['.repeat(depth)}1${']}'.repeat(depth)}`) as unknown);
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: hostileString as fc.Arbitrary<unknown> },
  fc.constantFrom<unknown>(null, true, -1, 0, 1e308, -0, 1.5, Number.MAX_SAFE_INTEGER + 2, [], {}, [[]], [null], { length: -1 }, { $ne: null }),
  deep, fc.array(fc.constant('x'), { minLength: 51, maxLength: 500 }) as fc.Arbitrary<unknown>,
);

/** Puts hostile values where good ones were, and keys where none belong. */
export function spoiled(value: unknown): fc.Arbitrary<unknown> {
  if (Array.isArray(value)) return fc.oneof(hostileValue, fc.constant([...value, ...value, ...value]), ...value.slice(0, 3).map((one, index) => spoiled(one).map((bad) => value.with(index, bad))));
  if (typeof value !== 'object' || value === null) return hostileValue;
  const entries = Object.entries(value);
  const replace = entries.map(([key, one]) => spoiled(one).map((bad) => ({ ...value, [key]: bad })));
  const drop = entries.map(([key]) => fc.constant(Object.fromEntries(entries.filter(([name]) => name !== key))));
  const add = fc.tuple(fc.constantFrom('__proto__', 'constructor', 'prototype', 'toJSON', 'extra', '$where'), hostileValue)
    .map(([key, bad]) => JSON.parse(`{${JSON.stringify(key)}:${JSON.stringify(bad) ?? 'null'},${JSON.stringify(value).slice(1)}`.replace(/,}$/, '}')) as unknown);
  return fc.oneof(...replace, ...drop, add, hostileValue);
}
