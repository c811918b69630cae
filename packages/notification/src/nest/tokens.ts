/** `Provider` of the channel: the service's own part. */
export const PROVIDER = 'rappel:provider';
/** `DeliveryDependencies`. */
export const DELIVERY = 'rappel:delivery';
export const GATE = 'rappel:gate';
export const WAITING = 'rappel:waiting';
export const WORKER = 'rappel:worker';
/** How this channel's sender is called in the rate limits. */
export const SENDER = 'rappel:sender';
