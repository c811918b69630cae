import { existsSync, readFileSync } from 'node:fs';
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

test('every page that the README points to is there', () => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => path!);
  expect(links.filter((path) => !existsSync(path))).toEqual([]);
});
