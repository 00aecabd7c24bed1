import { expect, test } from '@jest/globals';
import { dedented } from '../../web/src/source-text.js';

test('a source stands at the margin, however deep it is written', () => {
  expect(dedented('(n) => {\n      if (n)\n        return 1;\n\n      return 2;\n    }')).toBe(
    '(n) => {\n  if (n)\n    return 1;\n\n  return 2;\n}',
  );
  expect(dedented('(n) => n')).toBe('(n) => n');
  expect(dedented('f() {\n  return `\n`;\n}')).toBe('f() {\n  return `\n`;\n}');
});

test('the words that say that it was cut do not keep it from that', () => {
  expect(dedented('(n) => {\n    a();\n    b();\n… (cut: 4,096 of 5,000 characters)')).toBe(
    '(n) => {\na();\nb();\n… (cut: 4,096 of 5,000 characters)',
  );
});
