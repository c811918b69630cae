import Handlebars from 'handlebars';
import { inlined } from './inline.ts';
import { TemplateError } from './model.ts';

/** `text` leaves values as they are, `html` escapes each of them. */
export type Form = 'text' | 'html';
export type Sources = Readonly<Record<string, string>>;

const HELPERS = { each: true, if: true, unless: true, with: true, helperMissing: false, blockHelperMissing: false, log: false, lookup: false };

interface EngineOptions {
  form: Form;
  /** Partials by the name that templates call them, each the path of its source. */
  partials: Readonly<Record<string, string>>;
}

function sourceAt(sources: Sources, path: string): string {
  const source = sources[path];
  if (source === undefined) throw new TemplateError('bad-template', `${path}: no such template`);
  if (/\{\{\s*(\{|~?&)/.test(source)) throw new TemplateError('bad-template', `${path}: unescaped output ({{{ }}} or {{& }}) is not allowed`);
  return source.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
}

/**
 * One Handlebars environment per form and set of partials: Handlebars compiles a partial with the options of
 * whoever calls it first, so an environment shared by text and HTML would let one decide the other's escaping.
 */
export function createEngine(sources: Sources, { form, partials }: EngineOptions): (path: string) => (context: object) => string {
  const handlebars = Handlebars.create();
  const known = Object.fromEntries(Object.entries(partials).map(([name, path]) => [name, sourceAt(sources, path)]));
  handlebars.registerPartial(known);
  const escape = form === 'html' ? Handlebars.escapeExpression : String;
  return (path) => {
    const source = sourceAt(sources, path);
    let render: ((context: object) => string) | undefined;
    return (context) => {
      try {
        render ??= handlebars.compile(inlined(source, { partials: known, escape }), {
          strict: true, noEscape: form === 'text', knownHelpersOnly: true, knownHelpers: HELPERS, preventIndent: true,
        });
        return render(context);
      } catch (error) {
        throw new TemplateError('bad-template', `${path}: ${(error as Error).message}`, { cause: error });
      }
    };
  };
}
