/** How the files of a history begin. */
export const ATTEMPTS = 'attempts-';
export const CALLS = 'calls-';

/** The client that calls one short task after another, and nobody ever kills. */
export const STEADY = 'steady';
