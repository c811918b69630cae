import { z } from 'zod';
import { fillIn, type Contents } from './contents.ts';

/** A refusal in Twilio's own shape. */
export interface Refusal {
  code: number;
  status: number;
  message: string;
}

export interface SendRequest {
  to: string;
  from: string;
  body: string;
  contentSid?: string;
  contentVariables?: Record<string, string>;
  messagingServiceSid?: string;
  statusCallback?: string;
  validityPeriodSeconds?: number;
  /** The number of variables differs from the template's: accepted, then fails with this code. */
  failsLater?: number;
}

const address = /^whatsapp:(\+[1-9]\d{6,14})$/;
const variablesSchema = z.record(z.string(), z.string().min(1));
const refuse = (code: number, message: string, status = 400): Refusal => ({ code, message, status });

/** Checks the form as Twilio does; returns the message to accept or the refusal. */
export function parseSendRequest(body: string, contents: Contents): SendRequest | Refusal {
  const form = new URLSearchParams(body);
  const field = (name: string) => form.get(name) || undefined;
  const addresses = parseAddresses(field('To'), field('From'), field('MessagingServiceSid'));
  if (isRefusal(addresses)) return addresses;
  const content = parseContent(field, contents);
  if (isRefusal(content)) return content;
  const validity = field('ValidityPeriod');
  return {
    ...addresses, ...content,
    messagingServiceSid: field('MessagingServiceSid'),
    statusCallback: field('StatusCallback'),
    validityPeriodSeconds: validity ? Number(validity) : undefined,
  };
}

export function isRefusal(value: object): value is Refusal {
  return 'code' in value;
}

function parseAddresses(to: string | undefined, from: string | undefined, service: string | undefined): Pick<SendRequest, 'to' | 'from'> | Refusal {
  if (!to) return refuse(21604, "A 'To' phone number is required.");
  const [, toNumber] = address.exec(to) ?? [];
  if (!toNumber) return refuse(21211, `The 'To' number ${to} is not a valid phone number.`);
  if (!from && !service) return refuse(21603, "A 'From' phone number is required.");
  const [, fromNumber] = address.exec(from ?? 'whatsapp:+14155238886') ?? [];
  if (!fromNumber) return refuse(63007, 'Twilio could not find a Channel with the specified From address');
  return { to: toNumber, from: fromNumber };
}

function parseContent(field: (name: string) => string | undefined, contents: Contents): Pick<SendRequest, 'body' | 'contentSid' | 'contentVariables' | 'failsLater'> | Refusal {
  const contentSid = field('ContentSid');
  if (!contentSid) return parseFreeText(field('Body'));
  const content = contents.find(contentSid);
  if (!content) return refuse(21654, `The ContentSid ${contentSid} is invalid or not found`);
  const contentVariables = parseVariables(field('ContentVariables'));
  if (!contentVariables) return refuse(21656, 'The ContentVariables parameter is invalid');
  if (Object.values(contentVariables).some((value) => value.length > 1600)) return refuse(21658, 'A content variable is too long');
  return {
    contentSid, contentVariables,
    body: fillIn(content.body, contentVariables),
    failsLater: brokenRule(content.body, content.variables, contentVariables),
  };
}

function parseFreeText(body: string | undefined): { body: string } | Refusal {
  if (!body) return refuse(21619, 'A text message body or media urls must be specified.');
  if (body.length > 1600) return refuse(21617, 'The concatenated message body exceeds the 1600 character limit.');
  return { body };
}

function parseVariables(text: string | undefined): Record<string, string> | undefined {
  if (!text) return {};
  try {
    return variablesSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

// What WhatsApp itself refuses after Twilio has accepted.
function brokenRule(body: string, expected: Record<string, string>, given: Record<string, string>): number | undefined {
  if (Object.values(given).some((value) => /\n|\t| {5,}/.test(value))) return 63013;
  if (fillIn(body, given).length > 1024) return 63021;
  const names = Object.keys(expected);
  return names.length > 0 && (names.length !== Object.keys(given).length || names.some((name) => !(name in given))) ? 63028 : undefined;
}
