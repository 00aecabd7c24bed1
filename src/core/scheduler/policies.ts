import { assertNever } from '../assert-never.js';
import { LeastRemaining } from './least-remaining.js';
import { FirstFree, type PlacementPolicy, type PolicyName, RoundRobin } from './placement.js';

/** A policy by its name. */
export function placementOf(name: PolicyName): PlacementPolicy {
  switch (name) {
    case 'first-free':
      return new FirstFree();
    case 'round-robin':
      return new RoundRobin();
    case 'least-remaining':
      return new LeastRemaining();
    default:
      return assertNever(name);
  }
}
