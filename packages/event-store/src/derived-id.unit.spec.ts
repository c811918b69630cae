import { describe, expect, it } from '@jest/globals';
import { derivedIds } from './derived-id.ts';

const DNS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
const URL = '6ba7b811-9dad-11d1-80b4-00c04fd430c8';

describe('ids made of names', () => {
  // The first is RFC 9562, A.4; the others were made by Python's `uuid.uuid5`.
  it.each([
    [DNS, 'www.example.com', '2ed6657d-e927-568b-95e1-2665a8aea6a2'],
    [DNS, '', '4ebd0208-8328-5d69-8c44-ec50939c0967'],
    [URL, 'https://example.org/é/😀', '6a86151a-bd99-52ce-a8c6-d9e65ad78ace'],
    [URL, 'loan-42/1/RAPPEL_J1', '6d89fd6b-7698-55bf-aeb8-4528c1abd126'],
    [DNS, 'a', '4f3f2898-69e3-5a0d-820a-c4e87987dbce'],
    [DNS, 'b', '3f10dbe8-4cbd-5e31-9b1f-af0cb9dda9cf'],
    [DNS, 'c', 'b72f1bcd-e229-57e2-bb24-d01077785f16'],
    [DNS, 'd', '95d46420-03c2-5289-8d90-cd5fb2f7378c'],
  ])('%s %s', (namespace, name, id) => expect(derivedIds(namespace)(name)).toBe(id));

  it('need a namespace that is a UUID', () => expect(() => derivedIds('rappel')).toThrow('not a UUID: rappel'));
});
