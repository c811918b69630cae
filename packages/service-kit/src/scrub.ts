// Addresses that slipped into a message or an error text. Names cannot be told from words: never log one.
const email = /[\p{L}\p{N}._%+'-]{1,64}(?:@|%40)[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63})+/gu;
const international = /(?:\+|%2B|\b00)(?=[1-9])\d(?:[ .()/-]{0,2}\d){6,13}(?!\d)/g;
const national = /(?<![\w.:+-])0[1-9](?:[ .-]?\d{2}){4}(?![\w:])/g;

/** The text with everything that looks like an email address or a telephone number taken out. */
export const scrub = (text: string): string => text.replace(email, '[email]').replace(international, '[phone]').replace(national, '[phone]');
