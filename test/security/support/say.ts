/** One line about what was found. On standard error, which every way of running the tests keeps; `pnpm test:security` prints it at the end. */
export const say = (line: string): void => { process.stderr.write(`${line}\n`); };
