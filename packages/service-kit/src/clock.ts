import { acceleratedClock, systemClock } from '@rappel/contracts';
import type { Clock } from '@rappel/contracts';
import { steeredClock } from './steered-clock.ts';

/** `ORIGIN@ANCHOR*FACTOR` → its parts. Throws on anything else. */
export function parseClock(text: string): { origin: string; anchor: string; factor: number } {
  const [, origin, anchor, factor] = /^([^@*]+)@([^@*]+)\*(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (!origin || !anchor || Number.isNaN(Date.parse(origin)) || Number.isNaN(Date.parse(anchor)) || Number(factor) <= 0) {
    throw new RangeError('expected ORIGIN@ANCHOR*FACTOR');
  }
  return { origin, anchor, factor: Number(factor) };
}

/**
 * Business time: real, sped up by `RAPPEL_CLOCK=ORIGIN@ANCHOR*FACTOR`, or steered by a file (`RAPPEL_CLOCK=file:PATH`).
 * `loadConfig` refuses both in production.
 */
export function clockFrom({ RAPPEL_CLOCK }: { RAPPEL_CLOCK?: string | undefined }): Clock {
  if (!RAPPEL_CLOCK) return systemClock;
  return RAPPEL_CLOCK.startsWith('file:') ? steeredClock(RAPPEL_CLOCK.slice('file:'.length)) : acceleratedClock(parseClock(RAPPEL_CLOCK));
}
