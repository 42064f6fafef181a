/** The results of all; if one fails, the others are disposed of first. @throws the first failure */
export async function allOrNone<T extends AsyncDisposable>(starts: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(starts);
  const failed = results.find((result) => result.status === 'rejected');
  const started = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (failed === undefined) return started;
  await Promise.all(started.map((one) => one[Symbol.asyncDispose]()));
  throw failed.reason;
}
