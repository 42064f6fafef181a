import { expect, test } from 'vitest';
import { accepts, untilReady } from '../../servers/ready.mjs';
import { Program } from '../support/cli.js';

test('npm run demo:kafka without a terminal prints JSON lines, and ends at once with Ctrl-C and all that it started', async () => {
  await using demo = Program.start(process.execPath, ['scripts/demo-kafka.mjs']);
  const [{ type, brokers } = {}] = await demo.untilLine((line) => line.type === 'sending');
  expect({ type, brokers }).toEqual({ type: 'demo', brokers: [1, 2, 3].map(() => expect.stringMatching(/^127\./)) });
  const { code, ms } = await demo.end('SIGINT');
  expect(code).toBe(0);
  expect(ms).toBeLessThan(1000);
  for (const broker of brokers as string[]) {
    const port = Number(broker.split(':').at(-1));
    await untilReady(async () => !(await accepts(port)), AbortSignal.timeout(5_000));
  }
}, 240_000);
