import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { exported, readQuery, saidByTheCode } from './support/metrics.ts';
import { compose } from './support/compose.ts';
import { answers } from './support/endpoints.ts';
import { read, serviceNames, services, systemPaths } from './support/services.ts';

interface Alert { readonly alert: string; readonly expr: string; readonly labels: { readonly severity: string }; readonly annotations: { readonly summary: string; readonly runbook: string } }
interface Panel { readonly title: string; readonly targets: readonly { readonly expr: string }[] }

const alerts = (parse(read('infra/prometheus/alerts.yml')) as { groups: { rules: Alert[] }[] }).groups.flatMap(({ rules }) => rules);
const { panels } = JSON.parse(read('infra/grafana/rappel.json')) as { panels: Panel[] };
const queries: [string, string][] = [
  ...alerts.map(({ alert, expr }): [string, string] => [alert, expr]),
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }): [string, string] => [title, expr])),
];

describe('what operators look at', () => {
  it.each(queries)('%s asks for figures that the services show', (_, expression) => {
    const { metrics, values, errors } = readQuery(expression);
    expect(errors).toBe(0);
    expect(metrics.length).toBeGreaterThan(0);
    expect(metrics.filter((metric) => !exported.has(metric))).toEqual([]);
    const words = values.filter(([label]) => ['what', 'reason', 'outcome', 'channel'].includes(label)).map(([, value]) => value);
    expect(words.filter((word) => !saidByTheCode(word))).toEqual([]);
  });

  it('reads queries well enough to notice a mistake', () => {
    expect(readQuery('sum by (a (rappel_waiting)').errors).toBeGreaterThan(0);
    expect(readQuery('rate(rappel_nonsense_total{reason=~"x|y"}[5m])')).toEqual({ metrics: ['rappel_nonsense_total'], values: [['reason', 'x'], ['reason', 'y']], errors: 0 });
    expect(exported.has('rappel_nonsense_total')).toBe(false);
    expect(exported.has('rappel_up')).toBe(true);
  });
});

it('scrapes every service where it listens', () => {
  const { scrape_configs: [scrape], rule_files: files } = parse(read('infra/prometheus/prometheus.yml')) as {
    rule_files: string[];
    scrape_configs: [{ job_name: string; metrics_path: string; static_configs: { targets: string[]; labels: { service: string } }[] }];
  };
  expect(files).toEqual(['alerts.yml']);
  expect(systemPaths).toContain(scrape.metrics_path);
  expect(scrape.static_configs.map(({ labels }) => labels.service).sort()).toEqual([...serviceNames]);
  for (const { targets, labels } of scrape.static_configs) {
    const port = services.find(({ name }) => name === labels.service)?.port ?? compose.services[labels.service]!.environment!['PORT'];
    expect(targets).toEqual([`${labels.service}:${port}`]);
  }
});

describe('the runbook', () => {
  const text = read('infra/runbook.md');
  const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading!);

  it('asks services only what they answer', () => {
    const asked = [...text.matchAll(/\bask (GET|POST|PUT) (\d+)(\/[\w/-]+)/g)].map(([, method, port, path]) => [serviceAt(port!), method!, path!] as const);
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.filter(([service, method, path]) => !answers(service, method, path))).toEqual([]);
  });

  it.each(alerts)('has a section for $alert, and the alert points to it', ({ alert, annotations, labels }) => {
    expect(headings).toContain(alert);
    expect(annotations.runbook).toBe(`infra/runbook.md#${alert.toLowerCase()}`);
    expect(['page', 'ticket']).toContain(labels.severity);
  });

  it('has no section for an alarm that does not exist', () => {
    expect(headings.filter((heading) => heading.startsWith('Rappel') && !alerts.some(({ alert }) => alert === heading))).toEqual([]);
  });
});

const serviceAt = (port: string): string => Object.keys(compose.services).find((name) => String(compose.services[name]!.environment?.['PORT']) === port) ?? `nobody at ${port}`;
