import { NotificationType, locales } from '@rappel/contracts';
import type { Locale } from '@rappel/contracts';
import { SLOTS, contentVariables } from './content-variables.ts';
import type { Slot } from './content-variables.ts';
import { parseModel } from './model.ts';
import { FULL, toView } from './view.ts';
import type { View } from './view.ts';

/** One WhatsApp template to submit. */
export interface ApprovalText {
  type: NotificationType;
  locale: Locale;
  /** In WhatsApp's spelling: lower case and underscores. */
  name: string;
  body: string;
  /** What each placeholder stands for, with the sample value that the form asks for. */
  variables: { key: string; meaning: Slot; sample: string }[];
}

/** The view whose values are the placeholders themselves: what is approved is what the free-form template says. */
function placeholders(view: View): View {
  const key = (slot: Slot): string => `{{${SLOTS[view.type].indexOf(slot) + 1}}}`;
  const item = { ...view.item, name: key('name'), code: key('code'), date: key('date'), time: key('time') };
  return { ...view, firstName: key('firstName'), item, items: [item], duration: key('duration'), returnedAt: key('returnedAt') };
}

export function approvalTexts(write: (locale: Locale, type: NotificationType) => (view: object) => string, contact: string): ApprovalText[] {
  return locales.flatMap((locale) => NotificationType.options.map((type) => {
    const model = parseModel({
      type, locale, contact, firstName: 'Jean', duration: 'LONG', returnedAt: '14:30',
      items: [{ code: 'PERC-001', name: 'Perceuse Bosch', dueDate: '2025-12-10', ...(type === 'RAPPEL_2H' ? { dueTime: '16:30' } : {}) }],
    });
    const view = toView(model, locale, FULL);
    const values = contentVariables(view);
    return {
      type,
      locale,
      name: `loan_${type.toLowerCase()}_${locale}`,
      body: write(locale, type)(placeholders(view)).trim(),
      variables: SLOTS[type].map((meaning, at) => ({ key: String(at + 1), meaning, sample: values[String(at + 1)] ?? '' })),
    };
  }));
}

/** The listing for the person who fills in the approval form. */
export function approvalListing(texts: ApprovalText[]): string {
  const sections = texts.map(({ name, locale, body, variables }) => [
    `## ${name}`,
    `Language: \`${locale}\`. Category: Utility.`,
    ['```text', body, '```'].join('\n'),
    ['| variable | stands for | sample |', '|---|---|---|', ...variables.map(({ key, meaning, sample }) => `| {{${key}}} | ${meaning} | ${sample} |`)].join('\n'),
  ].join('\n\n'));
  return `# WhatsApp templates to submit for approval\n\nGenerated from the templates; do not edit by hand (see the README).\n\n${sections.join('\n\n')}\n`;
}
