import { expect, test } from '@jest/globals';
import { Gate } from '../../src/queue/gate.js';
import { NamedFunctions } from '../../src/wire/functions/named.js';
import { FN, spec } from './tasks.js';

test('whoever keeps an audit log is told of what may not run, new or again', () => {
  const told: string[] = [];
  const named = new NamedFunctions([{ name: 'add', from: 'add.js', id: 'another', parts: [] }]);
  const gate = new Gate(named, (tasks) => told.push(...tasks.map(({ name }) => name)));
  expect(() => gate.check([spec('new')], [FN])).toThrow(/none of them/);
  expect(() => gate.checkAgain([spec('again')])).toThrow(/none of them/);
  expect(told).toEqual(['new', 'again']);
});
