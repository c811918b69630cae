/** One line of the result. */
export interface Figure {
  readonly name: string;
  readonly unit: '/s' | 'ms' | 's' | 'MB' | '%' | '';
  /** Median over the rounds. */
  readonly value: number;
  readonly rounds?: readonly number[];
  readonly beside?: { readonly name: string; readonly value: number; readonly rounds?: readonly number[] };
  /** Median over the rounds of ours divided by the peer's in the same round. */
  readonly ratio?: number;
  /** What must be reached, in words, and whether it was. */
  readonly target?: string;
  readonly met?: boolean;
  readonly note?: string;
}

export interface NotRun {
  readonly name: string;
  readonly notRun: string;
}

export type Row = Figure | NotRun;

export interface Contestant {
  readonly name: string;
  /** One round; resolves to the round's figure. */
  run(round: number): Promise<number>;
}

export type Samples = ReadonlyMap<string, readonly number[]>;

/** Each contestant in turn, round by round, so that a busy machine is busy for all of them. The first round warms up and is not counted. */
export async function takeTurns(contestants: readonly Contestant[], { rounds, say }: { readonly rounds: number; say(text: string): void }): Promise<Samples> {
  const samples = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const { name, run } of contestants) {
      const figure = await run(round);
      if (round > 0) samples.get(name)!.push(figure);
      say(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${name.padEnd(34)} ${short(figure)}`);
    }
  }
  return samples;
}

export interface Comparison {
  readonly name: string;
  readonly unit: Figure['unit'];
  readonly ours: string;
  readonly beside: string;
  readonly target?: string;
  /** Whether the target is met, from the ratio and our value. */
  readonly reached?: (ratio: number, value: number) => boolean;
  readonly note?: string;
}

/** Rows from what was measured in turns: ours beside a peer. */
export function compare(samples: Samples, { name, unit, ours, beside, target, reached, note }: Comparison): Figure {
  const own = samples.get(ours)!;
  const other = samples.get(beside)!;
  const ratio = median(own.map((value, i) => value / other[i]!));
  const value = median(own);
  return {
    name, unit, value, rounds: own, beside: { name: beside, value: median(other), rounds: other }, ratio,
    ...(target && { target }), ...(reached && { met: reached(ratio, value) }), ...(note && { note }),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
}

export function short(value: number): string {
  if (Number.isNaN(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** Runs `work` for each item, at most `atOnce` at the same time. */
export async function eachOf(count: number, atOnce: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, async () => {
    while (next < count) await work(next++);
  }));
}
