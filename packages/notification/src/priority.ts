import type { NotificationType } from '@rappel/contracts';

/** Smaller = more urgent. What is useless in two hours overtakes what can wait until tomorrow. */
export const priorities: Readonly<Record<NotificationType, number>> = {
  RAPPEL_2H: 0, RAPPEL_FINAL: 0, RETARD: 0, RAPPEL_J1: 1, RAPPEL_J2: 2, RESTITUTION: 2, CREATION: 3,
};
