import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { editDocument, parseDocument } from '../../src/document/document.js';

const utf8 = (text: string): Uint8Array => Buffer.from(text);

function parse(text: string | Uint8Array, path = '/x.yaml'): [string, string][] {
  const entries = parseDocument(path, typeof text === 'string' ? utf8(text) : text);
  return [...entries].map(([key, value]) => [key, Buffer.from(value).toString()]);
}

function edit(text: string, key: string, value: string | Uint8Array | undefined, path = '/x.yaml'): string | undefined {
  const bytes = typeof value === 'string' ? utf8(value) : value;
  const edited = editDocument(path, utf8(text), key, bytes);
  return edited && Buffer.from(edited).toString();
}

function thrownBy(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('It did not throw an error.');
}

describe('a document', () => {
  it.each([
    ['a YAML map', '/x.yaml', 'broker/kafka/10.0.0.1:9092:\n"a b": text\nn: ~\nempty: ""\n'],
    ['a JSON object', '/x.json', '{"broker/kafka/10.0.0.1:9092": null, "a b": "text", "n": null, "empty": ""}'],
    ['JSON by content', '/x', '{"broker/kafka/10.0.0.1:9092": null, "a b": "text", "n": null, "empty": ""}'],
  ])('%s: a string is its bytes, null is empty', (_name, path, text) => {
    expect(parse(text, path)).toEqual([
      ['broker/kafka/10.0.0.1:9092', ''],
      ['a b', 'text'],
      ['n', ''],
      ['empty', ''],
    ]);
  });

  it.each([
    ['/x.yaml', 'o: {host: h, ports: [1, 2.50]}\nn: 8080\nt: true\nbig: 12345678901234567890\nv: 1.10\ninf: .inf\n'],
    ['/x.json', '{"o":{ "host": "h", "ports": [1, 2.5] },"n":8080,"t":true,"big":12345678901234567890,"v":1.10}'],
  ])('%s: anything else is its JSON, numbers with all their digits', (path, text) => {
    const entries = new Map(parse(text, path));
    expect(JSON.parse(entries.get('o') ?? '')).toEqual({ host: 'h', ports: [1, 2.5] });
    expect(entries.get('n')).toBe('8080');
    expect(entries.get('t')).toBe('true');
    expect(entries.get('big')).toBe('12345678901234567890');
    expect(entries.get('v')).toBe('1.10');
  });

  it('keys are text as it is written', () => {
    expect(parse('8080: a\n0x10: b\n1.10: c\ntrue: d\n"<<": e\n').map(([key]) => key)).toEqual([
      '8080',
      '0x10',
      '1.10',
      'true',
      '<<',
    ]);
  });

  it('aliases stand for their anchors', () => {
    expect(parse('a: &x {p: 1}\nb: *x\nc: {q: *x, r: [*x]}\n')).toEqual([
      ['a', '{"p":1}'],
      ['b', '{"p":1}'],
      ['c', '{"q":{"p":1},"r":[{"p":1}]}'],
    ]);
  });

  it('{} and a byte order mark before it are an empty map', () => {
    expect(parse('{}')).toEqual([]);
    expect(parse('\ufeff{ }', '/x.json')).toEqual([]);
    expect(parse('# nobody yet\n{}\n')).toEqual([]);
  });

  it('S04 binary values and NUL are byte-equal', () => {
    const yaml = parseDocument('/x.yaml', utf8('b: !!binary AP+A\nn: "a\\0b"\nu: "\\udcff"\n'));
    expect([...(yaml.get('b') ?? [])]).toEqual([0x00, 0xff, 0x80]);
    expect([...(yaml.get('n') ?? [])]).toEqual([0x61, 0x00, 0x62]);
    expect([...(yaml.get('u') ?? [])]).toEqual([0xff]);
    const json = parseDocument('/x.json', utf8('{"n":"a\\u0000b","u":"\\udcff"}'));
    expect([...(json.get('n') ?? [])]).toEqual([0x61, 0x00, 0x62]);
    expect([...(json.get('u') ?? [])]).toEqual([0xff]);
  });

  it('S12 keys that are not UTF-8 stay distinct', () => {
    const keys = ['a/\udcff', 'a/\udcfe'];
    expect(parse('"a/\\udcff": 1\n"a/\\udcfe": 2\n').map(([key]) => key)).toEqual(keys);
    expect(parse('? !!binary YS//\n: 1\n').map(([key]) => key)).toEqual(['a/\udcff']);
    expect(parse('{"a/\\udcff":1,"a/\\udcfe":2}', '/x.json').map(([key]) => key)).toEqual(keys);
    expect(() => parse('"\\udcc3\\udca9": 1\né: 2\n'), 'the same bytes are the same key').toThrow(/twice/);
  });

  it('S57 __proto__ is a key like any other', () => {
    const before = Object.getPrototypeOf({});
    expect(parse('__proto__: {polluted: true}\nconstructor: x\n')).toEqual([
      ['__proto__', '{"polluted":true}'],
      ['constructor', 'x'],
    ]);
    expect(parse('{"__proto__":{"polluted":true},"o":{"__proto__":1}}', '/x.json')).toEqual([
      ['__proto__', '{"polluted":true}'],
      ['o', '{"__proto__":1}'],
    ]);
    expect(Object.getPrototypeOf({})).toBe(before);
    expect('polluted' in {}).toBe(false);
  });

  it('S57 10 MB of JSON in one value', () => {
    const value = JSON.stringify({ filler: 'x"\\'.repeat(3_500_000) });
    expect(parse(JSON.stringify({ a: value, b: '1' }), '/x.json')).toEqual([
      ['a', value],
      ['b', '1'],
    ]);
    expect(parse(`{"a":${value}}`, '/x.json')).toEqual([['a', value]]);
  });

  it('S57 100,000 keys are not compared with each other', () => {
    const text = Array.from({ length: 100_000 }, (_, index) => `k${index}: v\n`).join('');
    // Every pair would be 5,000,000,000 comparisons, far beyond the runner's patience.
    expect(parse(text)).toHaveLength(100_000);
  });
});

describe('a document that may be half-written or wrong is an error that says where', () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi'].map((pair) => [...pair])) {
    bomb.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(', ')}]`);
  }

  it.each([
    ['zero bytes', '/x.yaml', '', /no content.*write \{\}/],
    ['only a comment', '/x.yaml', '# brokers\n', /not a map.*write \{\}/],
    ['white space', '/x.json', ' \n', /not valid JSON at its end/],
    ['a list', '/x.yaml', '- a\n- b\n', /not a map/],
    ['a JSON list', '/x.json', '[1]', /not an object/],
    ['a text', '/x.yaml', 'a half-written li', /not a map/],
    ['broken YAML', '/x.yaml', 'a: 1\nb: {c: d\n', /at line \d, it is not valid YAML/],
    ['a cut quote', '/x.yaml', 'a: 1\nb: "hunter2', /at line 2, it is not valid YAML/],
    ['two documents', '/x.yaml', 'a: 1\n---\nb: 2\n', /at line 2, it holds more than one document \(---\); keep one/],
    ['an empty document at the end', '/x.yaml', '---\na: 1\n---\n', /at line 3, it holds more than one document/],
    ['a merge key', '/x.yaml', 'x: &x {p: 1}\n<<: *x\n', /merge key << at line 2 is not supported/],
    ['a merge key inside a value', '/x.yaml', 'x: &x {p: 1}\nb:\n  <<: *x\n', /merge key << at line 3/],
    ['a merge key in YAML 1.1', '/x.yaml', '%YAML 1.1\n---\nx: &x {p: 1}\nb: {<<: *x}\n', /merge key << at line 4/],
    ['a secret that is no block scalar', '/x.yaml', 'a: |hunter2\n', /at line 1, .*something stands where/],
    ['a secret that is an alias', '/x.yaml', 'a: *hunter2\n', /alias/],
    ['a comment in JSON', '/x.json', '{\n  // hunter2 "x"\n  "a": 1}', /not valid JSON at line 2 .*comment/],
    ['a comment in JSON by another name', '/x.conf', '{\n  // production "x"\n  "a": 1}', /not valid JSON at line 2/],
    ['a comment before JSON', '/x.jsonc', '// brokers\n{"a": 1}', /not valid JSON at line 1/],
    ['a comment behind a value', '/x.jsonc', '{"a": 1, // one\n"b": 2}', /not valid JSON at line 1/],
    ['a comment in JSON that is called YAML', '/x.yaml', '{"a": 1, /* one */ "b": 2}', /not valid JSON at line 1/],
    ['a key twice', '/x.yaml', 'a: 1\nb: 2\na: 3\n', /"a" is there twice at line 3/],
    ['a key twice, written in two ways', '/x.yaml', '8080: 1\n"8080": 2\n', /"8080" is there twice at line 2/],
    ['a key twice inside a value', '/x.yaml', 'v:\n  a: 1\n  a: 2\n', /"a" is there twice at line 3/],
    ['a JSON key twice', '/x.json', '{"a":1,\n"b":{"a":2},\n"\\u0061":3}', /"a" is there twice \(line 3\)/],
    ['truncated JSON', '/x.json', '{"a":1,\n"b":"hunter2', /not valid JSON/],
    ['JSON with a comma too many', '/x.json', '{"a":1,\n"b":2,\n}', /not valid JSON at line 3/],
    ['YAML in a JSON file', '/x.json', 'a: hunter2\n', /not valid JSON/],
    ['a key that is a list', '/x.yaml', 'a: 1\n? [b, c]\n: 2\n', /key at line 2 is not a scalar/],
    ['an alias of nothing', '/x.yaml', 'a: *b\n', /an alias at line 1 has no anchor/],
    ['an alias inside its anchor', '/x.yaml', 'a: &a [*a]\n', /levels deep, or one contains itself/],
    [
      'aliases that nest',
      '/x.yaml',
      `a0: &a0 [x]\n${Array.from({ length: 150 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}]\n`).join('')}`,
      /aliases nest it more than 100 levels/,
    ],
    [
      'S57 deep nesting in YAML',
      '/x.yaml',
      `a: ${'['.repeat(100_000)}${']'.repeat(100_000)}`,
      /more than 100 levels deep/,
    ],
    ['S57 deep keys', '/x.yaml', `${'? '.repeat(1_000_000)}x`, /line 1, it is nested more than 100 levels deep/],
    ['S57 deep lists', '/x.yaml', `a:\n  ${'- '.repeat(1_000)}x`, /line 2, it is nested more than 100 levels deep/],
    [
      'S57 deep maps',
      '/x.yaml',
      Array.from({ length: 200 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
      /line \d+, it is nested/,
    ],
    ['S57 brackets that close nothing', '/x.yaml', `a: ${']'.repeat(5_000)}${'['.repeat(5_000)}`, /100 levels deep/],
    ['S57 deep nesting in JSON', '/x.json', `{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}`, /nested too deeply/],
    ['S57 an alias bomb', '/x.yaml', bomb.join('\n'), /aliases expand it to more than/],
  ])('%s', (_name, path, text, message) => {
    const error = thrownBy(() => parse(text, path));
    expect(error).toMatchObject({ code: 'UNREADABLE', retryable: true });
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`"${path}"`);
    expect(inspect(error), 'S55 no content in an error').not.toContain('hunter2');
  });

  it('bytes that are not UTF-8', () => {
    expect(() => parse(Uint8Array.of(0x61, 0x3a, 0x20, 0xff))).toThrow(/not UTF-8/);
  });
});

describe('an edited document', () => {
  const yaml = `# Who is there
broker/kafka/10.0.0.1:9092: # first

# moved in spring
broker/kafka/10.0.0.2:9092: "rack a" # keep me
lines: |
  one
  two
`;

  it('YAML keeps comments and order', () => {
    expect(edit(yaml, 'broker/kafka/10.0.0.2:9092', 'rack b')).toBe(yaml.replace('"rack a"', 'rack b'));
    const added = edit(yaml, 'z', 'new') ?? '';
    expect(added).toContain('# Who is there');
    expect(added).toContain('# moved in spring\nbroker/kafka/10.0.0.2:9092: "rack a" # keep me\n');
    expect(added.endsWith('z: new\n')).toBe(true);
    const removed = edit(yaml, 'broker/kafka/10.0.0.2:9092', undefined) ?? '';
    expect(removed).not.toContain('10.0.0.2');
    expect(removed).toContain('broker/kafka/10.0.0.1:9092: # first\n');
  });

  it.each([
    ['text', 'plain'],
    ['a text that looks like a number', '8080'],
    ['a text that looks like null', 'null'],
    ['nothing', ''],
    ['JSON', '{"host":"h","port":1}'],
    ['lines', 'a\nb\n\n'],
    ['NUL and escape codes', 'a\0b\u001b[31m'],
    ['bytes', Uint8Array.of(0, 255, 128)],
    ['1 MB', 'x'.repeat(1_000_000)],
  ])('S04 %s is read back byte-equal', (_name, value) => {
    for (const [path, text] of [
      ['/x.yaml', '{}'],
      ['/x.yaml', 'b: 1 # c\n'],
      ['/x.yaml', '{a: 1, b: 2}'],
      ['/x.json', '{}'],
      ['/x.json', '{\n  "a": {"b": 1},\n  "b": 2\n}\n'],
    ] as const) {
      const edited = edit(text, 'a', value, path) ?? '';
      const back = parseDocument(path, utf8(edited)).get('a') ?? new Uint8Array();
      expect(Buffer.compare(back, Buffer.from(value)), edited.slice(0, 100)).toBe(0);
    }
  });

  it.each([
    'a\udcff',
    '',
    '__proto__',
    'a: b',
    '- x',
    '# no',
    '"q"',
    "it's",
    'a\nb',
    ' s ',
    '<<',
    'x'.repeat(3000),
    '*a',
    '~',
  ])('S03 the key %j survives', (key) => {
    for (const [path, text] of [
      ['/x.yaml', 'other: 1\n'],
      ['/x.json', '{"other": 1}'],
    ] as const) {
      const edited = edit(text, key, 'v', path) ?? '';
      expect(parse(edited, path)).toEqual([
        ['other', '1'],
        [key, 'v'],
      ]);
      expect(parse(edit(edited, key, undefined, path) ?? '', path)).toEqual([['other', '1']]);
    }
  });

  it('JSON stays JSON, to the byte where nothing changed', () => {
    const json = '{\n    "a": {"deep":   [1,  2]},\n    "b": 12345678901234567890\n}\n';
    const path = '/x.json';
    expect(edit(json, 'b', 'x', path)).toBe(json.replace('12345678901234567890', '"x"'));
    expect(edit(json, 'c', 'x', path)).toBe(json.replace('890\n', '890,\n    "c": "x"\n'));
    expect(edit(json, 'a', undefined, path)).toBe('{\n    "b": 12345678901234567890\n}\n');
    expect(edit(json, 'b', undefined, path)).toBe('{\n    "a": {"deep":   [1,  2]}\n}\n');
    expect(edit('{"a":1}', 'a', undefined, path)).toBe('{}');
    expect(edit('{}', 'a', 'x', '/by-content')).toBe('{\n  "a": "x"\n}');
  });

  it('the last key gone leaves {}, and the first one comes in lines', () => {
    expect(edit('a: 1\n', 'a', undefined)).toBe('{}\n');
    expect(edit('{}\n', 'a', 'x')).toBe('a: x\n');
  });

  it('nothing to change is no change', () => {
    expect(edit('a: 1\n', 'a', '1')).toBeUndefined();
    expect(edit('a: 1\n', 'b', undefined)).toBeUndefined();
  });

  it('refuses to take away an anchor that others use, and to mend what it cannot read', () => {
    expect(() => edit('a: &x 1\nb: *x\n', 'a', '2')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
    expect(() => edit('a: &x 1\nb: *x\n', 'a', undefined)).toThrow(/edit the file by hand/);
    expect(edit('a: &x 1\nb: *x\n', 'b', '2')).toBe('a: &x 1\nb: "2"\n');
    expect(() => edit('', 'a', '1')).toThrow(expect.objectContaining({ code: 'UNREADABLE' }));
  });
});

describe('what is not nested too deeply', () => {
  it.each([
    ['90 levels of lists', `a: ${'['.repeat(90)}${']'.repeat(90)}\n`],
    ['90 levels of maps', `${Array.from({ length: 90 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')} x\n`],
    ['long lines', Array.from({ length: 500 }, (_, i) => `k${i}: ${'word '.repeat(500)}\n`).join('')],
    [
      'a text over many lines, each further in',
      `a: |\n${Array.from({ length: 300 }, (_, i) => ` ${' '.repeat(i)}x\n`).join('')}`,
    ],
    ['a plain text over many lines', `a: b\n${Array.from({ length: 300 }, (_, i) => ` ${' '.repeat(i)}x\n`).join('')}`],
    ['a list as far in as its key', 'a:\n- b\n- c: d\n  e:\n  - f\n'],
  ])('%s', (_name, text) => {
    expect(parse(text).length).toBeGreaterThan(0);
  });

  it('an address with slashes is no comment', () => {
    expect(parse('{"a": "http://b1", c: http://b2, "d": "/* x */"}', '/x.conf')).toEqual([
      ['a', 'http://b1'],
      ['c', 'http://b2'],
      ['d', '/* x */'],
    ]);
  });
});
