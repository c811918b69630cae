// The metrics that the code exports, and those that a PromQL expression asks for.
import { readdirSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';
import { join } from 'node:path';
import { root, sourcesIn } from './services.ts';

const code = ['packages', 'services'].flatMap((kind) => readdirSync(join(root, kind)).flatMap((name) => sourcesIn(join(kind, name, 'src')))).join('\n');

const named = [...code.matchAll(/(?:name: |gauge\(|counter\()'((?:rappel|http)_[a-z_]+)'/g)].map(([, name]) => name!);
const histograms = named.filter((name) => code.includes(`new Histogram({ name: '${name}'`));

/** What `/metrics` of the services shows together; `up` is Prometheus' own, `process_…` prom-client's. */
export const exported: ReadonlySet<string> = new Set(['up', 'process_resident_memory_bytes', ...named, ...histograms.flatMap((name) => ['_bucket', '_count', '_sum'].map((end) => name + end))]);

/** Whether a value that an expression filters by can come from the code at all. */
export const saidByTheCode = (value: string): boolean => code.includes(`'${value}'`);

export interface Query {
  readonly metrics: readonly string[];
  /** Label → the values that it is compared with, alternatives apart. */
  readonly values: readonly (readonly [label: string, value: string])[];
  readonly errors: number;
}

export function readQuery(expression: string): Query {
  const metrics: string[] = [];
  const values: [string, string][] = [];
  let errors = 0;
  let label = '';
  parser.parse(expression).iterate({
    enter(node) {
      const text = expression.slice(node.from, node.to);
      if (node.type.isError) errors++;
      if (node.name === 'Identifier') metrics.push(text);
      if (node.name === 'LabelName') label = text;
      if (node.name === 'StringLiteral') for (const value of text.slice(1, -1).split('|')) values.push([label, value]);
    },
  });
  return { metrics, values, errors };
}
