import type { ErrorCode } from 'yaml';

/**
 * The parser's errors in our own words. Its messages quote the document, and the quotation may be a password: for
 * `password: |S3cret` it says "Block scalar header includes extra characters: |S3cret".
 */
const REASONS: Partial<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias (*name) stands with an anchor or a tag',
  BAD_ALIAS: 'an alias (*name) is not complete; put text that begins with * in quotes',
  BAD_COLLECTION_TYPE: 'a tag does not fit what it stands before',
  BAD_DIRECTIVE: 'a line that begins with % is no directive',
  BAD_DQ_ESCAPE: 'a backslash in double quotes begins no escape that YAML has',
  BAD_INDENT: 'the indentation is wrong',
  BAD_PROP_ORDER: 'an anchor or a tag stands in the wrong place',
  BAD_SCALAR_START: 'a value begins with a character that has a meaning in YAML; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a nested map stands on the line of its key; is a value with ": " in quotes?',
  BLOCK_IN_FLOW: 'a list or map by indentation stands inside [ ] or { }',
  DUPLICATE_KEY: 'a key is there twice',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MISSING_CHAR: 'a bracket, a quote, a comma or a colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a key goes over several lines',
  MULTIPLE_ANCHORS: 'a value has two anchors',
  MULTIPLE_DOCS: 'it holds more than one document (---); keep one',
  MULTIPLE_TAGS: 'a value has two tags',
  TAB_AS_INDENT: 'a tab is used for indentation; use spaces',
  TAG_RESOLVE_FAILED: 'a tag (!name) is not known',
  UNEXPECTED_TOKEN: 'something stands where nothing may; is a value with special characters in quotes?',
};

export function yamlReason(code: ErrorCode): string {
  return REASONS[code] ?? 'it cannot be read';
}
