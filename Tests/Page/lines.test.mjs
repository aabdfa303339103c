// Streams in pieces: Sources/LogbookPage/lines.js
import assert from 'node:assert/strict';
import test from 'node:test';
import { LineSplitter, MessageReader } from '../../Sources/LogbookPage/lines.js';

const stream = 'retry: 2000\n:\nid: 7\n\nid: 8\nevent: event\ndata: {"a":": b"}\n\n:\nid: 9\n\nid: 9\nevent: reset\ndata: {"oldest":null}\n\nid: 10\ndata: cut';

test('lines, cut anywhere', () => {
  for (let size = 1; size < 9; size += 1) {
    const splitter = new LineSplitter();
    const lines = [];
    for (let from = 0; from < stream.length; from += size) lines.push(...splitter.push(stream.slice(from, from + size)));
    assert.deepEqual(lines, stream.split('\n').slice(0, -1));
  }
});

test('messages, cut anywhere', () => {
  for (let size = 1; size < 40; size += 3) {
    const reader = new MessageReader();
    const messages = [];
    for (let from = 0; from < stream.length; from += size) messages.push(...reader.push(stream.slice(from, from + size)));
    assert.deepEqual(messages.map(({ id, event, data }) => [id, event, data]), [['7', undefined, undefined], ['8', 'event', '{"a":": b"}'],
      ['9', undefined, undefined], ['9', 'reset', '{"oldest":null}']]);
  }
});

test('a line without an end is no reason to fill memory', () => {
  const splitter = new LineSplitter();
  const piece = 'x'.repeat(1024 * 1024);
  assert.throws(() => { for (let count = 0; count < 20; count += 1) splitter.push(piece); }, RangeError);
});
