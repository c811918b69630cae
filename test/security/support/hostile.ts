import fc from 'fast-check';

/** Strings that have broken something somewhere. */
const hostileStrings: readonly string[] = [
  '', ' ', '\u0000', 'a\r\nBcc: victim@example.org', 'a\nSubject: hello', '%0d%0aSet-Cookie: a=b', '{{constructor.constructor("return process")()}}', '{{7*7}}', '{{{raw}}}', '${7*7}', '<%= 7*7 %>',
  '<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '\u202Egnp.exe', '\u2066hidden\u2069', '\u200b\ufeff', '\ud800', 'e\u0301'.repeat(40), '\u{1F469}\u200d\u{1F4BB}', 'ﷺ'.repeat(100), 'İstanbul', 'A'.repeat(5000),
  '../../../etc/passwd', '..%2f..%2f', '%00', '%', '%E0%A4%A', "'; DROP TABLE notification; --", '__proto__', 'constructor', 'toString', 'null', 'undefined', 'NaN', 'true', '-1', '1e999', '9'.repeat(400), '0x10', '१२३',
  '9999-12-31', '0000-00-00', '2026-02-30', '-271821-04-20T00:00:00Z', '+275760-09-13T00:00:00.001Z', '2026-01-01T25:61:61Z', '2026-01-01T00:00:00+99:99', '1970-01-01T00:00:00Z', 'Europe/Atlantis', 'Etc/GMT+99', '__proto__.polluted', 'EMAIL,EMAIL', '@@@', 'a@b@c', '+33 6 12\u00a034 56 78', '٠٦١٢٣٤٥٦٧٨',
];
const deep = (depth: number): unknown => JSON.parse(`${'{"a":['.repeat(depth)}1${']}'.repeat(depth)}`);
const hostileValues: readonly unknown[] = [
  null, true, -1, 0, 1e308, -0, 1.5, Number.MAX_SAFE_INTEGER + 2, [], {}, [[]], [null], { length: -1 }, { $ne: null }, deep(6), deep(40), deep(400),
  Array.from({ length: 51 }, () => 'x'), Array.from({ length: 500 }, () => ({})), ...hostileStrings, ...hostileStrings,
];
const strayKeys = ['__proto__', 'constructor', 'prototype', 'toJSON', 'extra', '$where'];

export const hostileString = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...hostileStrings) }, fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ maxLength: 300 }));

/** A small generator of its own: building arbitraries around each value would cost more than the requests. */
function dice(seed: number): (sides: number) => number {
  let state = seed | 1;
  return (sides) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % sides;
  };
}

type Roll = ReturnType<typeof dice>;
const any = <T>(items: readonly T[], roll: Roll): T => items[roll(items.length)]!;

const spoilArray = (value: readonly unknown[], roll: Roll): unknown[] =>
  (value.length === 0 || roll(4) === 0 ? [...value, ...value, any(hostileValues, roll)] : value.with(roll(value.length), spoil(any(value, roll), roll)));

/** As text, so that `__proto__` becomes a key like any other. */
const withStray = (value: object, roll: Roll): unknown => {
  const rest = JSON.stringify(value).slice(1);
  return JSON.parse(`{${JSON.stringify(any(strayKeys, roll))}:${JSON.stringify(any(hostileValues, roll))}${rest === '}' ? rest : `,${rest}`}`);
};

function spoilObject(value: object, roll: Roll): unknown {
  const entries = Object.entries(value);
  const what = roll(6);
  if (entries.length === 0 || what === 0) return withStray(value, roll);
  const [key, one] = any(entries, roll);
  return what === 1 ? Object.fromEntries(entries.filter(([name]) => name !== key)) : { ...value, [key]: spoil(one, roll) };
}

function spoil(value: unknown, roll: Roll): unknown {
  if (typeof value !== 'object' || value === null || roll(8) === 0) return any(hostileValues, roll);
  return Array.isArray(value) ? spoilArray(value, roll) : spoilObject(value, roll);
}

/** Puts hostile values where good ones were, and keys where none belong; leaves two in five as they are. */
export const sometimesSpoiled = (good: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.tuple(good, fc.integer()).map(([value, seed]) => {
    const roll = dice(seed);
    return roll(5) < 2 ? value : spoil(value, roll);
  });
