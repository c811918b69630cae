import { describe, expect, it } from '@jest/globals';
import Handlebars from 'handlebars';
import { inlined } from './inline.ts';

const partials = {
  p: '<p>{{> @partial-block}}</p>\n', row: '<b>{{label}}</b> {{> @partial-block}}\n', name: '{{first}} {{last}}',
  both: '{{#> p}}{{#> row label="In \\"two\\" <b>"}}{{> name}}{{/row}}{{/p}}', again: '{{#if more}}{{first}}{{> again}}{{/if}}',
};
const context = { first: 'A<', last: 'B', items: [{ first: 'C', last: 'D' }, { first: 'E', last: 'F' }], more: false };
const options = { noEscape: false, preventIndent: true };

function write(template: hbs.AST.Program | string): string {
  const handlebars = Handlebars.create();
  handlebars.registerPartial(partials);
  return handlebars.compile(template, options)(context);
}
const written = (source: string) => inlined(source, { partials, escape: Handlebars.escapeExpression });
const calls = (source: string): number => JSON.stringify(written(source)).split(/"type":"Partial(?:Block)?Statement"/).length - 1;

describe('inlined', () => {
  it.each([
    ['{{> name}}', 0],
    ['a\n{{#> p}}\nhello {{first}}\n{{/p}}\nb', 0],
    ['{{#each items}}\n  {{> name}}\n{{/each}}\n', 0],
    ['{{#> row label="<Item> & more"}}{{first}}{{/row}}', 0],
    ['{{> both}}', 0],
    ['{{#if more}}{{> name}}{{else}}{{#> p}}{{last}}{{/p}}{{/if}}', 0],
    // What a partial is called with is known at run time only.
    ['{{> name items.[0]}}', 1],
    ['{{#> row label=last}}{{> name}}{{/row}}', 1],
  ] as [string, number][])('writes what the calls would write: %j', (source, left) => {
    expect(write(written(source))).toBe(write(source));
    expect(calls(source)).toBe(left);
  });

  it('leaves a partial that calls itself, and one that is not there, for run time', () => {
    expect(write(written('{{> again}}'))).toBe(write('{{> again}}'));
    expect(calls('{{> again}}')).toBe(1);
    expect(() => write(written('{{> nowhere}}'))).toThrow('nowhere');
  });
});
