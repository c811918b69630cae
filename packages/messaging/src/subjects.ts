/** Whether a NATS subject fits a pattern with `*` (one token) and `>` (the rest). */
export function fits(subject: string, pattern: string): boolean {
  if (subject === pattern) return true;
  const tokens = subject.split('.');
  const wanted = pattern.split('.');
  for (const [i, token] of wanted.entries()) {
    if (token === '>') return tokens.length > i;
    if (i >= tokens.length || (token !== '*' && token !== tokens[i])) return false;
  }
  return tokens.length === wanted.length;
}

const version = /\.v\d+$/;

/**
 * What a durable asks its stream for: the handlers' patterns that the stream keeps, in every version, so that an unknown
 * version is parked and not passed over. `everything` when a message without handler must not stay unseen.
 */
export function filterSubjects(patterns: Iterable<string>, kept: readonly string[], everything: boolean): string[] {
  if (everything) return [...kept];
  const filters = new Set<string>();
  for (const pattern of patterns) {
    if (kept.some((subject) => fits(pattern, subject))) filters.add(pattern.replace(version, '.*'));
  }
  // Overlapping filters are refused by the server.
  return [...filters].filter((filter) => ![...filters].some((other) => other !== filter && fits(filter, other))).sort();
}

/** Finds what was registered for a subject: the subject itself, else the first pattern that fits. */
export function createRouter<T>(handlers: ReadonlyMap<string, T>): (subject: string) => T | undefined {
  const patterns = [...handlers.keys()].filter((pattern) => /[*>]/.test(pattern));
  return (subject) => handlers.get(subject) ?? handlers.get(patterns.find((pattern) => fits(subject, pattern)) ?? '');
}

/** Whether a subject fits one of the patterns; remembers its answers for the first thousand subjects. */
export function createFilter(patterns: readonly string[]): (subject: string) => boolean {
  const known = new Map<string, boolean>();
  return (subject) => {
    const answer = known.get(subject) ?? patterns.some((pattern) => fits(subject, pattern));
    if (known.size < 1000) known.set(subject, answer);
    return answer;
  };
}
