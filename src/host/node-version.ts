/** The oldest version that loads an ES module by `require`, which lets one build serve both kinds of caller. */
const OLDEST = '20.19';

/** @throws Error in one sentence when Node is too old. */
export function checkNodeVersion(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST.split('.').map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new Error(`offhand needs Node ${OLDEST} or newer, and this is Node ${version}`);
}
