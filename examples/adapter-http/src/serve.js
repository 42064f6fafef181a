// @ts-check
import { Registry } from './registry.js';

// A registry to try the adapter on: one key, `beat`, that changes each second. Ends by Ctrl-C.
const registry = await Registry.start(8080);
process.stdout.write(`A registry at ${registry.endpoint}. In another terminal:
  rollcall tail --adapter rollcall-adapter-http registry://${registry.endpoint}/\n`);
let beats = 0;
setInterval(() => registry.write([{ type: 'put', key: 'beat', value: Buffer.from(String(++beats)) }]), 1_000);
