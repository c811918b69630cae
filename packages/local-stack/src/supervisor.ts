import type { Service, Stack } from '@rappel/local-stack';

export interface Supervisor {
  /** Names of what was found dead and started again, in order. */
  readonly revived: readonly string[];
  /** Starts again whatever died meanwhile; resolves when it is ready. */
  revive(): Promise<void>;
}

/** Whoever kills a service of the demonstration sees it come back, as a container platform would do it. */
export function createSupervisor(stack: Stack, say: (line: string) => void): Supervisor {
  const revived: string[] = [];
  const restart = async (service: Service): Promise<void> => {
    say(`${service.name} is gone: starting it again`);
    revived.push(service.name);
    await service.restart();
    say(`${service.name} is back`);
  };
  return {
    revived,
    revive: async () => { await Promise.all(stack.services.filter((service) => !service.running()).map(restart)); },
  };
}
