import { LoanDuration, NotificationType } from '@rappel/contracts';
import { z } from 'zod';

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'HH:mm expected');

const itemModel = z.object({
  /** The item's reference, cut at 64 characters, in WhatsApp texts and subjects at 40. */
  code: z.string(),
  /** The item's name, cut at 200 characters, in WhatsApp texts at 80 (less when one would grow too long), in subjects at 60. */
  name: z.string(),
  /** Local calendar day, `YYYY-MM-DD`. */
  dueDate: z.iso.date(),
  /** Local time, `HH:mm`. Without it: "to be arranged" at creation, "before closing" afterwards. */
  dueTime: clock.optional(),
});

const messageModel = z.object({
  type: NotificationType,
  /** A language tag (`fr`, `fr-FR`, `en_GB`); an unknown language falls back to the renderer's default. */
  locale: z.string(),
  firstName: z.string(),
  /** Used in the greeting of emails only. */
  lastName: z.string().default(''),
  /** One or more; several are listed in one message, in this order. */
  items: z.array(itemModel).min(1),
  duration: LoanDuration,
  /** Local time of the return, `HH:mm`; RESTITUTION cannot be written without it. */
  returnedAt: clock.optional(),
  /** Local day of the return; emails name it when given. */
  returnedOn: z.iso.date().optional(),
  /** Whole days since the (earliest) due date; RETARD only. */
  daysLate: z.int().min(0).optional(),
  /** Calendar days until it is due, 0 = today. Default: as the type says (RAPPEL_J2: 2, RAPPEL_J1: 1, RAPPEL_FINAL: 0). */
  daysLeft: z.int().min(0).optional(),
  /** The same for the item that is due last, where several are due on different days. Default: `daysLeft`. */
  daysLeftAtMost: z.int().min(0).optional(),
  /** Minutes until the (first) item is due; RAPPEL_2H only. Default 120. */
  minutesLeft: z.int().min(0).default(120),
  /** Which overdue notice this is, 1 = the first (default). From 2 on the text says so, with the days. */
  level: z.int().min(1).default(1),
  /** When the desk closes, local `HH:mm`. Default 18:00. */
  closingHour: clock.default('18:00'),
  /** How to reach the desk, in words; left out when absent. */
  contact: z.string().default(''),
  /** Who lends, shown at the head of emails. Default: a neutral wording. */
  sender: z.string().default(''),
  /** http(s) page where reminders can be switched off; emails show it in the footer when given. */
  unsubscribeUrl: z.url({ protocol: /^https?$/ }).transform((url) => new URL(url).href).optional(),
}).refine((model) => model.type !== 'RESTITUTION' || model.returnedAt !== undefined, { path: ['returnedAt'] });

/** Everything a message says, as plain data in local time. */
export type MessageModel = z.input<typeof messageModel>;
export type ParsedModel = z.output<typeof messageModel>;

/**
 * `invalid-model`: the data cannot be written (names the fields, never their values).
 * `bad-template`: a template does not compile, names something that does not exist, or is not a known file.
 * `too-long`: a WhatsApp text stays over the limit however short the names are cut.
 */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly code: 'invalid-model' | 'bad-template' | 'too-long';
  constructor(code: TemplateError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export function parseModel(model: MessageModel): ParsedModel {
  const parsed = messageModel.safeParse(model);
  if (parsed.success) return parsed.data;
  const fields = [...new Set(parsed.error.issues.map((issue) => issue.path.join('.')))];
  throw new TemplateError('invalid-model', `Message cannot be written, wrong or missing: ${fields.join(', ')}`);
}
