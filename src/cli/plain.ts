import { stripVTControlCharacters } from 'node:util';

/** Text of somebody else's in one line, without anything that a terminal would obey. */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}
