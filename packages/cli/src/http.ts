import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes, ToolError } from './errors.ts';
import type { ServiceName, ToolConfig } from './config.ts';

export interface Request {
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  readonly body?: unknown;
  /** Makes a repeated request change nothing. */
  readonly idempotencyKey?: string;
}

export type Call = <T>(service: ServiceName, path: string, request?: Request) => Promise<T>;

const MOST_WAITS = 5;

/**
 * Calls the services' APIs with the configured key. What does not fit ends with 2, refusals and missing things with 3, unreachable
 * services with 4. A service that has had too many requests says when to come again, and is asked then.
 * @param signal ends the waiting
 */
export function createCall(config: ToolConfig, signal: AbortSignal): Call {
  const ask = async (service: ServiceName, url: URL, request: Request, waits = 0): Promise<Response> => {
    const response = await fetch(url, { ...messageOf(request, config.get('RAPPEL_API_KEY')), signal: AbortSignal.timeout(60_000) })
      .catch((cause: unknown) => { throw new ToolError(`the ${service} service does not answer at ${url.origin}`, exitCodes.unreachable, { cause }); });
    const seconds = response.headers.get('retry-after');
    if (response.status !== 429 || seconds === null || waits === MOST_WAITS) return response;
    await sleep(Number(seconds) * 1000, undefined, { signal });
    return ask(service, url, request, waits + 1);
  };
  return async <T>(service: ServiceName, path: string, request: Request = {}) => {
    const response = await ask(service, addressOf(new URL(path, config.url(service)), request), request);
    const text = await response.text();
    if (!response.ok) throw refusal(service, response.status, text);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
}

function addressOf(url: URL, { query = {} }: Request): URL {
  for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== '') url.searchParams.set(key, Array.isArray(value) ? value.join(',') : String(value));
  return url;
}

function messageOf({ method = 'GET', body, idempotencyKey }: Request, key: string | undefined): RequestInit {
  const headers = {
    ...(key && { authorization: `Bearer ${key}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(idempotencyKey && { 'idempotency-key': idempotencyKey }),
  };
  return { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
}

/** An error, or what a service that is not ready says of its parts. */
interface Refusal { error?: { code?: string; message?: string; issues?: { path: string; message: string }[] }; checks?: Record<string, string> }

function refusal(service: ServiceName, status: number, text: string): ToolError {
  const { error = {}, checks } = parse(text);
  const { code = String(status), message = checks ? `not ready, ${downIn(checks)} down` : 'refused', issues = [] } = error;
  const detail = issues.map((issue) => `\n  ${issue.path}: ${issue.message}`).join('');
  const hint = status === 401 ? ' (set RAPPEL_API_KEY)' : '';
  return new ToolError(`${service}: ${message} [${code}]${hint}${detail}`, status >= 500 ? exitCodes.unreachable : status === 400 ? exitCodes.usage : exitCodes.refused);
}

const downIn = (checks: Record<string, string>): string => Object.keys(checks).filter((name) => checks[name] !== 'up').join(', ');

function parse(text: string): Refusal {
  try {
    return JSON.parse(text) as Refusal;
  } catch {
    return {};
  }
}
