export const PROJECTOR = 'notification-log:projector';
export const NOTIFICATIONS = 'notification-log:notifications';
export const STATISTICS = 'notification-log:statistics';
export const FEED = 'notification-log:feed';
export const RETENTION = 'notification-log:retention';
