/** Where somebody is. */
export interface Placed {
  /** Name of the machine. */
  readonly machine: string;
  /** Whether the address is one of that machine alone. */
  readonly isLocal: boolean;
}

/**
 * Those that can be reached from a machine, the nearest first: first those on it, then all others. Among equals the order is
 * random, so that those who ask do not all come to the same one.
 *
 * @param random from 0 to below 1
 */
export function nearestFirst<T extends Placed>(
  places: readonly T[],
  machine: string,
  random: () => number,
): T[] {
  const shuffled = places
    .map((place) => ({ place, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ place }) => place);
  const here = shuffled.filter((place) => place.machine === machine);
  const elsewhere = shuffled.filter((place) => place.machine !== machine && !place.isLocal);
  return [...here, ...elsewhere];
}
