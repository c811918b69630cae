import { locales, notificationTypes } from '@rappel/contracts';
import type { Renderer } from '@rappel/templates';
import type { TwilioClient } from './client.ts';
import type { WhatsappConfig } from './config.ts';

/** What is wrong with the configured approved templates. */
interface ContentFindings {
  /** Sending with these must fail: the service should not start. */
  readonly broken: readonly string[];
  /** Sent as free text. */
  readonly missing: readonly string[];
}

/** Compares the configured templates with what Twilio has: there, in the right language, with as many variables as we fill in. */
export async function checkContents(client: TwilioClient, { TWILIO_CONTENT_SIDS }: WhatsappConfig, renderer: Renderer): Promise<ContentFindings> {
  const pairs = notificationTypes.flatMap((type) => locales.map((locale) => ({ type, locale, sid: TWILIO_CONTENT_SIDS[type]?.[locale] })));
  const findings = await Promise.all(pairs.map(async ({ type, locale, sid }): Promise<Partial<Record<keyof ContentFindings, string>>> => {
    const name = `${type} ${locale}`;
    if (!sid) return { missing: name };
    const sample = { type, locale, firstName: '-', items: [{ code: '-', name: '-', dueDate: '2026-01-01' }], duration: 'LONG' as const, returnedAt: '12:00' };
    const problem = await problemOf(client, { sid, locale, variables: Object.keys(renderer.contentVariables(sample)) });
    return problem ? { broken: `${name}: ${problem}` } : {};
  }));
  return { broken: findings.flatMap(({ broken }) => broken ?? []), missing: findings.flatMap(({ missing }) => missing ?? []) };
}

async function problemOf(client: TwilioClient, { sid, locale, variables }: { sid: string; locale: string; variables: readonly string[] }): Promise<string | undefined> {
  try {
    const content = await client.content.v1.contents(sid).fetch();
    if (!content.language.toLowerCase().startsWith(locale)) return `its language is ${content.language}`;
    const theirs = Object.keys((content.variables ?? {}) as object);
    return theirs.length === variables.length ? undefined : `it has ${theirs.length} variables, we fill in ${variables.length}`;
  } catch (error) {
    // Only Twilio's own word that it is not there stops a start; an outage does not.
    return (error as { status?: number }).status === 404 ? 'Twilio does not know it' : undefined;
  }
}
