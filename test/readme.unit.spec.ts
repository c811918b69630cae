import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { emailConfig } from '../services/email/src/config.ts';
import { loanConfig } from '../services/loan/src/config.ts';
import { logConfig } from '../services/notification-log/src/config.ts';
import { schedulerConfig } from '../services/scheduler/src/config.ts';
import { whatsappConfig } from '../services/whatsapp/src/config.ts';

const readme = readFileSync('README.md', 'utf8');

test('the README names every key of every service’s configuration', () => {
  const keys = [emailConfig, loanConfig, logConfig, schedulerConfig, whatsappConfig].flatMap((shape) => Object.keys(shape));
  expect([...new Set(keys)].filter((key) => !readme.includes(`\`${key}\``))).toEqual([]);
});

test('the README’s table of configuration names no key that no service reads', () => {
  const table = readme.split('## Configuration')[1]!.split('\n## ')[0]!;
  const named = [...table.matchAll(/^\| ((?:`[A-Z_]+`(?:, | or | and )?)+)/gm)].flatMap(([, cell]) => [...cell!.matchAll(/`([A-Z_]+)`/g)].map(([, key]) => key!));
  const keys = new Set([emailConfig, loanConfig, logConfig, schedulerConfig, whatsappConfig].flatMap((shape) => Object.keys(shape)));
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter((key) => !keys.has(key))).toEqual([]);
});

test('the tool’s README names every setting that the tool reads', () => {
  const page = readFileSync('packages/cli/README.md', 'utf8');
  const code = readdirSync('packages/cli/src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts')).map((file) => readFileSync(join('packages/cli/src', file), 'utf8')).join('\n');
  const read = [...code.matchAll(/(?:get|require|pem)\('([A-Z_]+)'\)|env(?:ironment)?\['([A-Z_]+)'\]/g)].map(([, got, env]) => (got ?? env)!);
  expect(read.length).toBeGreaterThan(10);
  expect([...new Set(read)].filter((key) => !page.includes(key))).toEqual([]);
});

test('every page that the README points to is there', () => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => path!);
  expect(links.filter((path) => !existsSync(path))).toEqual([]);
});
