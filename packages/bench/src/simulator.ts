import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { workspaceRoot } from '@rappel/local-stack';

/** The local stack's Twilio simulator in a process of its own. */
export interface Simulator {
  /** Origin in place of Twilio's. */
  readonly url: string;
  readonly accountSid: string;
  readonly authToken: string;
  /** What the WhatsApp service needs to talk to it. */
  readonly env: Record<string, string>;
  /** Messages accepted so far. */
  count(): Promise<number>;
  configure(settings: object): Promise<void>;
  stop(): Promise<void>;
}

export const SENDER = 'whatsapp:+14155238886';

export async function startSimulator(): Promise<Simulator> {
  const child = spawn(process.execPath, [join(workspaceRoot, 'dist/local-stack.mjs'), 'simulators'], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL'));
  const [line] = await once(createInterface(child.stdout), 'line') as [string];
  const { twilioUrl: url, accountSid, authToken } = JSON.parse(line) as { twilioUrl: string; accountSid: string; authToken: string };
  return {
    url, accountSid, authToken,
    env: { TWILIO_BASE_URL: url, TWILIO_ACCOUNT_SID: accountSid, TWILIO_AUTH_TOKEN: authToken, TWILIO_WHATSAPP_FROM: SENDER },
    count: async () => ((await (await fetch(`${url}/_sim/counts`)).json()) as { accepted?: number }).accepted ?? 0,
    configure: async (settings) => {
      const answer = await fetch(`${url}/_sim/settings`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(settings) });
      if (!answer.ok) throw new Error(`simulator: ${await answer.text()}`);
    },
    stop: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}
