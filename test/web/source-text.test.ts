import { expect, test } from '@jest/globals';
import { dedented, uncut } from '../../web/src/source-text.js';

test('a source stands at the margin, however deep it is written', () => {
  expect(dedented('(n) => {\n      if (n)\n        return 1;\n\n      return 2;\n    }')).toBe(
    '(n) => {\n  if (n)\n    return 1;\n\n  return 2;\n}',
  );
  expect(dedented('(n) => n')).toBe('(n) => n');
  expect(dedented('f() {\n  return `\n`;\n}')).toBe('f() {\n  return `\n`;\n}');
});

test('what says that it was cut is no part of it', () => {
  expect(uncut('(n) => {\n  a();\n… (cut: 4,096 of 5,000 characters)')).toEqual({
    text: '(n) => {\n  a();',
    cut: 'cut: 4,096 of 5,000 characters',
  });
  expect(uncut('(n) => n')).toEqual({ text: '(n) => n', cut: undefined });
});
