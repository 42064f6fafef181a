// @ts-check

/** A reporter of vitest that says nothing, unless something failed. */
export default class Failures {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly { readonly message: string, readonly stack?: string }[]} unhandled
   */
  onTestRunEnd(modules, unhandled) {
    const failed = modules.flatMap((module) => [
      ...module.errors(),
      ...[...module.children.allTests()].flatMap((test) => test.result().errors ?? []),
    ]);
    for (const { message, stack } of [...failed, ...unhandled]) process.stderr.write(`${stack ?? message}\n`);
  }
}
