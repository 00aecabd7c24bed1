import { expect, test } from '@jest/globals';
import { argumentsPreview, sourcePreview } from '../../src/core/preview.js';

test('what is short is shown as it is', () => {
  expect(sourcePreview('() => 1')).toBe('() => 1');
  expect(sourcePreview('x'.repeat(4_096))).toBe('x'.repeat(4_096));
  expect(argumentsPreview('1, 2')).toBe('1, 2');
});

test('a source that is cut says so, and how much there is', () => {
  expect(sourcePreview('x'.repeat(12_345))).toBe(`${'x'.repeat(4_096)}\n… (cut: 4,096 of 12,345 characters)`);
  expect(argumentsPreview('y'.repeat(1_025))).toBe(`${'y'.repeat(1_024)}…`);
});

test('no half of a character is left at the end', () => {
  expect(argumentsPreview(`${'y'.repeat(1_023)}😀`)).toBe(`${'y'.repeat(1_023)}…`);
  expect(sourcePreview(`${'x'.repeat(4_095)}😀`)).toMatch(/x\n… \(cut: 4,096 of 4,097 characters\)$/);
});
