/** `UnsubscribeLinks`. */
export const UNSUBSCRIBE = 'email:unsubscribe';
