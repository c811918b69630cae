/** Seed of the randomised tests of a file: printed, and taken back from `TEST_SEED`. */
export function seedOf(file: string): number {
  const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  process.stdout.write(`${file}: TEST_SEED=${seed}\n`);
  return seed;
}
