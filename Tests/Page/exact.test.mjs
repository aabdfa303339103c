// JSON byte for byte: Sources/LogbookPage/exact.js
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { member, plainText, read } from '../../Sources/LogbookPage/exact.js';

/** The text of a node, assembled from its parts. */
function write(node) {
  if (node.members) return `{${node.members.map(({ key, value }) => `${JSON.stringify(key)}:${write(value)}`)}}`;
  return node.items ? `[${node.items.map(write)}]` : node.raw;
}

test('numbers, keys and strings stay as they are', () => {
  const text = '{"b":12345678901234567890,"a":1.10,"1":-0.0e+5,"n":null,"t":true,"s":"\\u00e4 \\"x\\" \\\\","o":{},"l":[],"d":[[1.0],{"x":[{}]}]}';
  const node = read(text);
  assert.equal(node.raw, text);
  assert.equal(write(node), text);
  assert.deepEqual(node.members.map(({ key, value }) => [key, value.type]), [['b', 'number'], ['a', 'number'], ['1', 'number'],
    ['n', 'literal'], ['t', 'literal'], ['s', 'string'], ['o', 'object'], ['l', 'array'], ['d', 'array']]);
  assert.equal(member(node, 'a').raw, '1.10');
  assert.equal(plainText(member(node, 's')), 'ä "x" \\');
  assert.equal(member(node, 'none'), undefined);
});

test('white space between tokens is passed over', () => {
  assert.equal(write(read(' { "a" : [ 1 , 2 ] ,\n"b" : { } } ')), '{"a":[1,2],"b":{}}');
});

test('what is no JSON ends', () => {
  for (const text of ['', '{"a":', '[1', '{"a"', '[,']) assert.throws(() => read(text), text);
});

test('every event of the bundled dumps', () => {
  const lines = readFileSync(new URL('../Data/kubernetes-events.ndjson', import.meta.url), 'utf8').trim().split('\n');
  assert.ok(lines.length > 100);
  for (const line of lines) {
    const compact = JSON.stringify(JSON.parse(line));
    assert.equal(write(read(compact)), compact);
  }
});
