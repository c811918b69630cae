import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { commandLines, commands, complaint } from './support/tool.ts';

const pages = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], { encoding: 'utf8' }).trim().split('\n');
const shown = pages.flatMap((page) => commandLines(readFileSync(page, 'utf8')).map((line): [string, string] => [page, line]));
const helped = commands().flatMap(({ path, help }) => commandLines(help).map((line): [string, string] => [path, line]));

describe("the operators' tool", () => {
  it('takes every command line that a page or its own help shows', async () => {
    expect(shown.length).toBeGreaterThan(20);
    expect(helped.length).toBeGreaterThan(35);
    const wrong = await Promise.all([...shown, ...helped].map(async ([where, line]) => [where, line, await complaint(line)]));
    expect(wrong.filter(([, , why]) => why !== undefined)).toEqual([]);
  });

  it('is read well enough to notice a mistake', async () => {
    expect(commandLines('see `npm run -s rappel -- status` and `rappel nope`\n$ rappel failed --limit x  # few\nnpm run -s rappel -- …')).toEqual(['status', 'nope', 'failed --limit x']);
    expect(await complaint('nope')).toContain('unknown command');
    expect(await complaint('failed --nope')).toContain('unknown option');
    expect(await complaint('failed --limit x')).toContain('whole number');
    expect(await complaint('show')).toContain('missing required argument');
    expect(await complaint('events copy')).toContain('--to');
    expect(await complaint('loans')).toContain('group');
    expect(await complaint('loans --help')).toBeUndefined();
  });

  it.each(commands().map(({ path }) => path).filter((path) => path !== '' && !path.includes(' ')))('%s has help with examples', (path) => {
    expect(commands().find((one) => one.path === path)!.help).toMatch(/Examples?:/);
  });
});
