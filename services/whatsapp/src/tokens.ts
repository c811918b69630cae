/** `PhoneBook`: which borrowers have a number. */
export const PHONE_BOOK = 'whatsapp:phone-book';
