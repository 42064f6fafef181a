import type { Adapter, AttemptOptions, OpenOptions, Source, Target, Update } from '@rollcall/core/adapter';

/** Turns a good adapter into a bad one. */
export type Spoil = (adapter: Adapter) => Adapter;

/** The adapter, with every source changed. */
export function sources(change: (source: Source, options: OpenOptions) => Partial<Source>): Spoil {
  return (adapter) => ({
    ...adapter,
    parse: (url) => adapter.parse(url),
    open: (location, options) => {
      const source = adapter.open(location, options);
      return { ...copyOf(source), ...change(source, options) };
    },
  });
}

/** The adapter, with each update changed on its way. `last` has the snapshot before. */
export function updates(change: (update: Update, attempt: AttemptOptions) => Iterable<Update>): Spoil {
  return sources((source) => ({
    watch: async function* (target, options) {
      // Without `tell`, so that bookmarks pass here, too.
      const { tell: _, ...rest } = options;
      for await (const update of source.watch(target, rest)) yield* change(update, options);
    },
  }));
}

/** The adapter, watching and reading other targets than it was given. */
export function targets(change: (target: Target) => Target): Spoil {
  return sources((source) => ({
    watch: (target, options) => source.watch(change(target), options),
    ...(source.read && { read: (target, options) => source.read?.(change(target), options) as never }),
  }));
}

/** A source's own members, those of its class too. */
function copyOf(source: Source): Source {
  return {
    supports: source.supports,
    maxSilenceMs: source.maxSilenceMs,
    ...(source.maxProofAgeMs !== undefined && { maxProofAgeMs: source.maxProofAgeMs }),
    watch: (target, options) => source.watch(target, options),
    ...(source.read && { read: source.read.bind(source) }),
    ...(source.write && { write: source.write }),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}
