import { NotificationType, locales } from '@rappel/contracts';
import type { Locale } from '@rappel/contracts';
import { approvalTexts } from './approval.ts';
import type { ApprovalText } from './approval.ts';
import { contentVariables } from './content-variables.ts';
import { createEngine } from './engine.ts';
import type { Sources } from './engine.ts';
import { TemplateError, parseModel } from './model.ts';
import type { MessageModel, ParsedModel } from './model.ts';
import { samples } from './samples.ts';
import { loadTemplates } from './sources.ts';
import { emailParts } from './sources/email-layout.ts';
import { FULL, toView } from './view.ts';
import type { Room, View } from './view.ts';
import { resolveLocale } from './words.ts';

interface Email { subject: string; html: string; text: string }
type Write = (view: object) => string;
type LocaleTemplates = Record<NotificationType, { whatsapp: Write; subject: Write; html: Write; text: Write }>;

export interface RendererOptions {
  /** Folder with `.hbs` files that replace built-in ones of the same path. Default: none. Services read it from `RAPPEL_TEMPLATES_DIR`. */
  templatesDir?: string | undefined;
  /** Language of a message whose locale is not known. Default `fr`. */
  defaultLocale?: Locale | undefined;
}

export interface Renderer {
  /** The free-form WhatsApp text, ending with one newline; at most 1024 UTF-16 units: item names are cut, then items left out, until it fits. */
  whatsapp(model: MessageModel): string;
  /** The subject is one line; the HTML part escapes every value, the text part says the same. */
  email(model: MessageModel): Email;
  /** Values for the approved WhatsApp template of this type and locale, keyed "1", "2", …; never empty, one line each, fitting 1024 with the text. */
  contentVariables(model: MessageModel): Record<string, string>;
  /** Every text with placeholders, as it is to be submitted to WhatsApp for approval. `contact` is written into the texts. */
  approvalTexts(contact?: string): ApprovalText[];
  /** The language that a message with this locale is written in (the one to look the approved template up by). */
  locale(tag: string): Locale;
}

const WHATSAPP_LIMIT = 1024;
/** As much as a loan may say: an email has the room. */
const EMAIL_ROOM: Room = { name: 200, code: 64, items: 50 };
const SUBJECT_ROOM: Room = { ...FULL, name: 60 };
const ROOMS: Room[] = [FULL, { name: 48, code: 32, items: 12 }, { name: 32, code: 20, items: 10 }, { name: 24, code: 16, items: 8 }, { name: 20, code: 12, items: 6 }, { name: 20, code: 12, items: 4 }];

function compileLocale(sources: Sources, locale: Locale): LocaleTemplates {
  const at = (name: string) => `${locale}/email/${name}.hbs`;
  const whatsapp = createEngine(sources, { form: 'text', partials: { items: `${locale}/whatsapp/items.hbs` } });
  const text = createEngine(sources, { form: 'text', partials: { items: at('items.text'), footer: at('footer.text') } });
  const html = createEngine(sources, {
    form: 'html',
    partials: {
      layout: 'email/layout.html.hbs',
      items: at('items.html'),
      footer: at('footer.html'),
      ...Object.fromEntries(Object.keys(emailParts).map((part) => [part, `email/parts/${part}.hbs`])),
    },
  });
  return Object.fromEntries(NotificationType.options.map((type) => [type, {
    whatsapp: whatsapp(`${locale}/whatsapp/${type}.hbs`),
    subject: text(at(`${type}.subject`)),
    html: html(at(`${type}.html`)),
    text: text(at(`${type}.text`)),
  }])) as LocaleTemplates;
}

function fitted(view: (room: Room) => View, write: Write): string {
  for (const room of ROOMS) {
    const text = write(view(room));
    if (text.length <= WHATSAPP_LIMIT) return text;
  }
  throw new TemplateError('too-long', `The WhatsApp text is longer than ${WHATSAPP_LIMIT} characters even with the shortest names`);
}

/**
 * Compiles every template once and writes a sample with each, so that a broken or incomplete template
 * fails when a service starts and not when the first borrower should hear from us. Throws `TemplateError`.
 */
export function createRenderer({ templatesDir, defaultLocale = 'fr' }: RendererOptions = {}): Renderer {
  const sources = loadTemplates(templatesDir);
  const compiled = Object.fromEntries(locales.map((locale) => [locale, compileLocale(sources, locale)])) as Record<Locale, LocaleTemplates>;
  const localeOf = (tag: string): Locale => resolveLocale(tag, defaultLocale);
  const prepare = (given: MessageModel): { model: ParsedModel; locale: Locale; templates: LocaleTemplates[NotificationType] } => {
    const model = parseModel(given);
    const locale = localeOf(model.locale);
    return { model, locale, templates: compiled[locale][model.type] };
  };
  const renderer: Renderer = {
    whatsapp(given) {
      const { model, locale, templates } = prepare(given);
      return fitted((room) => toView(model, locale, room), templates.whatsapp);
    },
    email(given) {
      const { model, locale, templates } = prepare(given);
      const view = toView(model, locale, EMAIL_ROOM);
      const cut = view.items.length > FULL.items || view.items.some(({ name, code }) => name.length > SUBJECT_ROOM.name || code.length > SUBJECT_ROOM.code);
      view.subject = templates.subject(cut ? toView(model, locale, SUBJECT_ROOM) : view).replace(/\s+/g, ' ').trim();
      return { subject: view.subject, html: templates.html(view), text: templates.text(view) };
    },
    contentVariables(given) {
      const { model, locale } = prepare(given);
      return contentVariables(toView(model, locale, { ...FULL, items: 50 }));
    },
    approvalTexts: (contact = '') => approvalTexts((locale, type) => compiled[locale][type].whatsapp, contact),
    locale: localeOf,
  };
  for (const sample of samples()) {
    renderer.whatsapp(sample);
    renderer.email(sample);
  }
  return renderer;
}
