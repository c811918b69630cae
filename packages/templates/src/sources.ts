import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { locales } from '@rappel/contracts';
import type { Locale } from '@rappel/contracts';
import type { Sources } from './engine.ts';
import { TemplateError } from './model.ts';
import { emailEn } from './sources/email-en.ts';
import { emailFr } from './sources/email-fr.ts';
import { emailLayout, emailParts } from './sources/email-layout.ts';
import { whatsappEn } from './sources/whatsapp-en.ts';
import { whatsappFr } from './sources/whatsapp-fr.ts';

const WHATSAPP: Record<Locale, Record<string, string>> = { fr: whatsappFr, en: whatsappEn };
const EMAIL: Record<Locale, Record<string, string>> = { fr: emailFr, en: emailEn };

const under = (folder: string, sources: Sources): [string, string][] =>
  Object.entries(sources).map(([name, source]) => [`${folder}/${name}.hbs`, source]);

/**
 * The templates that come with the package, by path: `fr/whatsapp/RETARD.hbs`, `en/email/RETARD.html.hbs`,
 * `email/layout.html.hbs`. They are strings in modules so that a bundle needs no files beside it.
 */
export function builtInTemplates(): Record<string, string> {
  return Object.fromEntries([
    ['email/layout.html.hbs', emailLayout],
    ...under('email/parts', emailParts),
    ...locales.flatMap((locale) => [...under(`${locale}/whatsapp`, WHATSAPP[locale]), ...under(`${locale}/email`, EMAIL[locale])]),
  ]);
}

/** The built-in templates with those that `folder` holds in their place. A file that replaces nothing is refused: it is a typing error. */
export function loadTemplates(folder: string | undefined): Record<string, string> {
  const sources = builtInTemplates();
  if (!folder) return sources;
  if (!existsSync(folder)) throw new TemplateError('bad-template', `${folder}: no such folder`);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.hbs'));
  for (const file of files) {
    const path = file.split(sep).join('/');
    if (!(path in sources)) throw new TemplateError('bad-template', `${path}: replaces no built-in template`);
    sources[path] = readFileSync(join(folder, file), 'utf8');
  }
  return sources;
}
