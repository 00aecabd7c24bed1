/** What people import: `offhand` and `offhand/task`. */
export const ENTRIES = ['index', 'task'];

/** Every `export { a, type B } from './file.js'` of the front door. */
export function exportsOf(text) {
  return [...text.matchAll(/^export \{([^}]*)\} from '\.\/([^']+)\.js';$/gm)].flatMap(([, names, file]) =>
    names
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '')
      .map((entry) => {
        const [, type, name] = /^(type )?(\w+)$/.exec(entry) ?? [];
        if (!name) throw new Error(`cannot read "${entry}" in the exports of ${file}`);
        return { name, file, isType: type !== undefined };
      }),
  );
}
