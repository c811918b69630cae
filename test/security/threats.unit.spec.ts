import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const [, table = ''] = read('SECURITY.md').split('| who | what they try | how it is stopped | tested by |');
const rows = table.split('\n\n')[0]!.split('\n').slice(2).map((row) => row.split(' | ').map((cell) => cell.replaceAll(/^\| | \|$/g, '').trim()));

/** File and title of each test that a cell names; a title without a file is in the file before it. */
function named(cell: string): [file: string, title: string][] {
  let file = '';
  return cell.split(' · ').map((one) => {
    const [, given, title] = /^(?:`([^`]+)`: )?(.+)$/.exec(one)!;
    file = given ?? file;
    return [file, title!];
  });
}

test('every threat is stopped by something, and names the tests that try it', () => {
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows) expect([row[0], row.length, row.every((cell) => cell.length > 5)]).toEqual([row[0], 4, true]);
});

test.each(rows.flatMap(([who, what, , cell]) => named(cell!).map(([file, title]) => ({ who, what, file, title }))))('$who ($what): $file has "$title"', ({ file, title }) => {
  expect([file, existsSync(join(root, file))]).toEqual([file, true]);
  // The title is the first argument of the call that ends `test(`, `it(` or the table of an `each`.
  const titles = [...read(file).matchAll(/(?:\b(?:test|it)|\))\((['"`])((?:(?!\1)[^\n])+)\1, (?:async )?\(/g)].map(([, , text]) => text!);
  expect(titles).toContain(title);
});
