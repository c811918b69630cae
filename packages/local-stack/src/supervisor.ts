/** A process that is looked after: a service, or a server. */
export interface Part {
  readonly name: string;
  running(): boolean;
  restart(): Promise<void>;
}

export interface Supervisor {
  /** Names of what was found dead and started again, in order. */
  readonly revived: readonly string[];
  /** Starts again whatever died meanwhile; resolves when it is ready, rejects when it cannot start. */
  revive(): Promise<void>;
}

/** Whoever kills a process sees it come back, as a container platform would do it. `say` is told of each end and each return. */
export function createSupervisor(parts: () => readonly Part[], say: (line: string) => void): Supervisor {
  const revived: string[] = [];
  const restart = async (part: Part): Promise<void> => {
    say(`${part.name} is gone: starting it again`);
    revived.push(part.name);
    await part.restart();
    say(`${part.name} is back`);
  };
  return {
    revived,
    revive: async () => { await Promise.all(parts().filter((part) => !part.running()).map(restart)); },
  };
}
