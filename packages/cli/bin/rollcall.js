#!/usr/bin/env node
// Not built: npm links a program at install time, before there is anything in dist.

/** Every command ends within 1 s of a signal, whatever still hangs. */
const END_MS = 900;

const stop = new AbortController();
/** Of a command that is told to end before it knows better: as shells count it, 128 and the signal. */
let exitCode = 0;
for (const [signal, number] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.on(signal, () => {
    // Asked twice means now.
    if (stop.signal.aborted) process.exit(exitCode);
    exitCode = number;
    stop.abort(signal);
    setTimeout(() => process.exit(exitCode), END_MS);
  });
}

// A terminal that closes sends it too, and then it ends the program as usual.
let reload = () => {};
if (!process.stdout.isTTY) process.on('SIGHUP', () => reload());

// Imported late, so that a signal during loading is heeded too.
const { main } = await import('@rollcall/cli');
const { stdin, stdout, stderr, env } = process;
const onReload = (listener) => {
  reload = listener;
};
const onExitCode = (code) => {
  exitCode = code;
};
const io = { stdin, stdout, stderr, env, signal: stop.signal, onReload, onExitCode };
const code = await main(process.argv.slice(2), io);
// What was written must be out before the process is; but nobody waits for a reader that stalls when told to end.
for (const stream of [stdout, stderr]) {
  if (stream.writableLength === 0 || stream.destroyed || stop.signal.aborted) continue;
  await new Promise((resolve) => stream.once('drain', resolve).once('close', resolve));
}
process.exit(code);
