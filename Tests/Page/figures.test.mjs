// Bars, marks, differences and times: Sources/LogbookPage/figures.js, times.js
import assert from 'node:assert/strict';
import test from 'node:test';
import { addEvent, bucketRange, differences, pattern, pieces, readBuckets, stack } from '../../Sources/LogbookPage/figures.js';
import * as times from '../../Sources/LogbookPage/times.js';

const minute = (number) => `2026-11-30T10:0${number}:00.000Z`;
const at = (number) => Date.parse(minute(number));
const buckets = () => readBuckets({ interval: '1m', range: { since: minute(0), until: minute(2) }, buckets: [
  { start: minute(0), total: 1003, counts: { info: 1000, error: 2, critical: 1 } }, { start: minute(1), total: 0, counts: {} }] });

test('bars are stacked worst first, and a single one is seen beside thousands', () => {
  const { most, bars } = stack(buckets().list, ['critical', 'error', 'info'], 100);
  assert.equal(most, 1003);
  assert.deepEqual(bars.critical, [[0, 98, 2]]);
  assert.deepEqual(bars.error, [[0, 95, 2]]);
  const [[, top, size]] = bars.info;
  assert.ok(top >= 0 && top + size === 94);
  assert.deepEqual(stack(buckets().list, [], 100).bars, {});
});

test('live events are counted where they belong', () => {
  const live = buckets();
  addEvent(live, at(1) + 5, 'info');
  addEvent(live, at(3), 'error');
  addEvent(live, at(0) - 1, 'info');
  addEvent(live, at(0) + 1e12, 'info');
  assert.deepEqual(live.list.map(({ total, counts }) => [total, counts.error ?? 0]), [[1003, 2], [1, 0], [0, 0], [1, 1]]);
});

test('a selection is whole buckets, within what there is', () => {
  assert.deepEqual(bucketRange(buckets(), 1, 0), { from: at(0), to: at(2) });
  assert.deepEqual(bucketRange(buckets(), 9, 1), { from: at(1), to: at(2) });
});

test('what was searched for is marked', () => {
  const marked = (text, q) => pieces(text, pattern(q)).filter(([, isMarked]) => isMarked).map(([piece]) => piece);
  assert.deepEqual(marked('Back-off restarting Container', 'back-off REST* -container'), ['Back-off', 'restarting']);
  assert.deepEqual(marked('disk, pressure; pressure', '"disk pressure"'), ['disk, pressure']);
  assert.deepEqual(marked('(a) [b] .*', '(a) .*'), ['a']);
  for (const q of [undefined, '', '-a', '"', '*', '\\']) assert.equal(pattern(q), null, q);
  assert.deepEqual(pieces('<b>x</b>', pattern('b')).map(([piece]) => piece).join(''), '<b>x</b>');
});

test('differences are of shares, and rises come first', () => {
  const totals = (list) => ({ total: list.reduce((sum, [, count]) => sum + count, 0),
    totals: { reason: list.map(([value, count]) => ({ value, count })) } });
  const found = differences(totals([['BackOff', 60], ['Pulled', 40]]), totals([['Pulled', 900], ['Gone', 100]]));
  assert.deepEqual(found.map(({ value, share, before }) => [value, share, before]),
    [['BackOff', 0.6, 0], ['Pulled', 0.4, 0.9], ['Gone', 0, 0.1]]);
  assert.deepEqual(differences(totals([['a', 1]]), totals([['a', 100]])), []);
  // A value that is not among the twenty listed is at most as frequent as the last of them.
  const many = Array.from({ length: 20 }, (_, place) => [`v${place}`, 50]);
  assert.equal(differences(totals([['rare', 10]]), totals(many)).find(({ value }) => value === 'rare').before, 0.05);
});

test('ages and durations', () => {
  assert.deepEqual(['90s', '15m', '36h', '7d', '', '5', 'h', '1.5h', undefined].map(times.milliseconds),
    [9e4, 9e5, 1296e5, 6048e5, null, null, null, null, null]);
  assert.deepEqual([0, 59e3, 61e3, 12e6, 90e6, 864e6].map(times.duration), ['0 s', '59 s', '1 min 1 s', '3 h 20 min', '1 d 1 h', '10 d']);
  const now = at(5);
  assert.deepEqual([now, now - 4e3, at(0), now + 36e5].map((ms) => times.ago(ms, now)), ['now', '4 s ago', '5 min ago', '1 h ahead']);
});

test('a clock on the wall, here and in UTC', () => {
  const now = at(0);
  assert.deepEqual(times.stamp(now, true, now), ['11-30', '10:00:00']);
  assert.deepEqual(times.stamp(Date.parse('2025-01-02T03:04:05Z'), true, now), ['2025-01-02', '03:04:05']);
  assert.equal(times.full(now + 123, true), '2026-11-30 10:00:00.123 UTC');
  assert.match(times.full(now, false), /^2026-(11-30|12-01) \d\d:\d\d:00\.000 [+-]\d\d:\d\d$/);
  for (const utc of [true, false]) assert.equal(times.fromInput(times.forInput(now, utc), utc), now);
});

test('marks of the axis are at round times', () => {
  const marks = times.ticks(at(0), at(0) + 864e5, 9, true);
  assert.deepEqual(marks.map(({ label }) => label), ['12:00', '15:00', '18:00', '21:00', '12-01', '03:00', '06:00', '09:00']);
  assert.ok(times.ticks(at(0) - 3e12, at(0), 8, true).length <= 9);
});

test('last night is from 18:00 to 9:00, or to now', () => {
  const local = (hour, day) => new Date(2026, 10, day, hour).getTime();
  assert.deepEqual(times.lastNight(local(14, 30)), { from: local(18, 29), to: local(9, 30) });
  assert.deepEqual(times.lastNight(local(3, 30)), { from: local(18, 29), to: local(3, 30) });
});
