import type { Contender } from './contender.js';
import { NaivePool } from './naive.js';
import { Offhand } from './offhand.js';
import { PiscinaPool } from './piscina.js';
import { Workerpool } from './workerpool.js';

export const CONTENDERS = {
  offhand: () => new Offhand(),
  piscina: () => new PiscinaPool(1),
  'piscina, 16 at a time': () => new PiscinaPool(16),
  'workerpool, threads': () => new Workerpool('thread'),
  'workerpool, processes': () => new Workerpool('process'),
  'naive three calls': () => new NaivePool(),
} satisfies Record<string, () => Contender>;

export type ContenderName = keyof typeof CONTENDERS;
