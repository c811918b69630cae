import type { Stack } from '@rappel/local-stack';

export interface Trouble {
  /** Service to kill half-way. */
  readonly kill?: string;
  /** Kill NATS half-way and delete what it holds. */
  readonly wipeNats: boolean;
}

/** What is to go wrong half-way, once. */
export function createTrouble(stack: Stack, { kill, wipeNats }: Trouble, say: (line: string) => void): () => Promise<void> {
  let happened = false;
  return async () => {
    if (happened) return;
    happened = true;
    if (kill) {
      say(`killing ${kill}`);
      await stack.services.find(({ name }) => name === kill)!.kill();
    }
    if (wipeNats) {
      say('killing NATS and deleting its data directory');
      await stack.nats!.kill();
      await stack.nats!.restart({ wipe: true });
      say('NATS is back, with nothing');
    }
  };
}
