import Handlebars from 'handlebars';

type Statement = hbs.AST.Statement;

export interface InlineOptions {
  /** Sources of partials by name. */
  readonly partials: Readonly<Record<string, string>>;
  readonly escape: (text: string) => string;
}

interface Scope {
  /** What stands for `{{> @partial-block}}`. */
  readonly block?: readonly Statement[];
  /** What the partial was called with. */
  readonly words: Readonly<Record<string, string>>;
  readonly depth: number;
}

const DEEPEST = 20;

/**
 * A template with its partials written out where they are called with nothing but words (`{{#> row label="Item"}}…{{/row}}`): each
 * call at run time costs about as much as a whole message without any. Others, and what is not there, stay calls.
 */
export function inlined(source: string, options: InlineOptions): hbs.AST.Program {
  return inlineProgram(Handlebars.parse(source), options, { words: {}, depth: 0 });
}

const inlineProgram = (program: hbs.AST.Program, options: InlineOptions, scope: Scope): hbs.AST.Program =>
  ({ ...program, body: program.body.flatMap((statement) => inlineStatement(statement, options, scope)) });

function inlineStatement(statement: Statement, options: InlineOptions, scope: Scope): readonly Statement[] {
  switch (statement.type) {
    case 'MustacheStatement': return [worded(statement as hbs.AST.MustacheStatement, options, scope)];
    case 'BlockStatement': {
      const { program, inverse } = statement as hbs.AST.BlockStatement;
      const within = (one: hbs.AST.Program | undefined) => one && inlineProgram(one, options, scope);
      return [{ ...statement, program: within(program), inverse: within(inverse) } as hbs.AST.BlockStatement];
    }
    case 'PartialStatement':
    case 'PartialBlockStatement': return inlinePartial(statement as hbs.AST.PartialStatement, options, scope);
    default: return [statement];
  }
}

function inlinePartial(call: hbs.AST.PartialStatement & { program?: hbs.AST.Program }, options: InlineOptions, scope: Scope): readonly Statement[] {
  const content = call.program && inlineProgram(call.program, options, scope);
  const name = (call.name as hbs.AST.PathExpression).original;
  if (name === '@partial-block') return scope.block ?? [call];
  const words = wordsOf(call);
  const source = words && scope.depth < DEEPEST ? own(options.partials, name) : undefined;
  if (source === undefined) return [content ? { ...call, program: content } as Statement : call];
  return [...indentOf(call), ...inlineProgram(Handlebars.parse(source), options, { block: content?.body, words: words!, depth: scope.depth + 1 }).body];
}

const own = (partials: InlineOptions['partials'], name: string): string | undefined => (Object.hasOwn(partials, name) ? partials[name] : undefined);
const indentOf = (call: hbs.AST.PartialStatement): Statement[] => (call.indent ? [text(call, call.indent)] : []);

/** What a partial is called with; undefined when that is known only at run time. */
function wordsOf({ params, hash }: hbs.AST.PartialStatement): Record<string, string> | undefined {
  const pairs = hash?.pairs ?? [];
  if (params.length > 0 || pairs.some(({ value }) => value.type !== 'StringLiteral')) return undefined;
  return Object.fromEntries(pairs.map(({ key, value }) => [key, (value as hbs.AST.StringLiteral).value]));
}

function worded(statement: hbs.AST.MustacheStatement, { escape }: InlineOptions, { words }: Scope): Statement {
  const name = (statement.path as hbs.AST.PathExpression).original;
  return statement.params.length === 0 && Object.hasOwn(words, name) ? text(statement, escape(words[name]!)) : statement;
}

const text = ({ loc }: Statement, value: string): Statement => ({ type: 'ContentStatement', value, loc } as unknown as hbs.AST.ContentStatement);
