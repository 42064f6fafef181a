/** The promise's result. @throws an Error that names the event that did not come in time, and the state at that time */
export async function within<T>(ms: number, what: string, promise: PromiseLike<T>, state = () => ''): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${ms} ms in vain for ${what}. ${state()}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
