import { conformance } from '@rollcall/core/conformance';
import { describe, it, vi } from 'vitest';
import { memoryHarness } from './memory-harness.js';

// A million changes on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

conformance({ describe, it }, memoryHarness());
