/**
 * Ends the command once all that it has printed has left: into a pipe whose reader is slow it may still be on its way. What a
 * user's file left open (`offhand run`) does not keep it alive.
 */
export async function leave(): Promise<never> {
  await Promise.all(
    [process.stdout, process.stderr].map((stream) => {
      // A reader that has read enough, as `head` has, is no failure.
      stream.on('error', () => process.exit());
      return new Promise<void>((resolve) => stream.write('', () => resolve()));
    }),
  );
  process.exit();
}
