// The view and its URL: Sources/LogbookPage/view.js
import assert from 'node:assert/strict';
import test from 'node:test';
import * as view from '../../Sources/LogbookPage/view.js';

const { parse, format, query } = view;
const now = Date.parse('2026-11-30T12:00:00Z');
const search = (one) => format(one);

test('equal views have equal URLs', () => {
  const url = '?q=disk+pressure&severity_min=warning&reason=BackOff&object_name=web-*,!web-0&metadata.a.b=1.10&since=12h&event=e:1&live=1';
  assert.equal(search(parse(url)), url);
  const shuffled = 'live=1&since=12h&object_name=web-*&metadata.a.b=1.10&object_name=%21web-0&event=e%3A1&reason=BackOff&severity_min=warning&q=disk%20pressure';
  assert.equal(search(parse(shuffled)), url);
  assert.equal(search(parse('')), '?order=desc');
});

test('what is no parameter is told', () => {
  assert.deepEqual(parse('severty=error&q=a').unknown, ['severty']);
});

test("the API is asked with the view's parameters, and none of the page's", () => {
  const one = parse('q=a&since=1h&event=e&live=1&tab=objects&fold=true');
  assert.equal(query(one), 'q=a&since=1h&fold=true');
  assert.equal(query(one, { limit: 2, since: '2h' }, ['fold']), 'q=a&limit=2&since=2h');
});

test('values with commas, exclamation marks and stars are themselves', () => {
  for (const value of ['a,b', '!a', 'a*', 'a\\', 'a\\,!*', 'ä b&c=d']) {
    const one = view.only(parse(''), 'object_name', value);
    assert.deepEqual(parse(search(one)).filters.object_name, [view.token(value)]);
    assert.equal(view.words(view.token(value)), `= ${value}`);
    assert.equal(view.words(view.negated(value)), `≠ ${value}`);
    assert.equal(search(view.only(one, 'object_name', value)), '?order=desc', 'again takes it away');
  }
  assert.equal(view.words('web-*'), '= web-…');
  assert.equal(view.words('!*'), '= none');
  assert.equal(view.words('*'), '≠ none');
});

test('only, not and without', () => {
  const one = view.not(view.only(parse('since=1h'), 'reason', 'Pulled'), 'reason', 'Created');
  assert.equal(search(one), '?reason=Pulled,!Created&since=1h');
  assert.equal(search(view.not(one, 'reason', 'Pulled')), '?reason=!Created,!Pulled&since=1h');
  assert.equal(search(view.without(one, 'reason', '!Created')), '?reason=Pulled&since=1h');
  assert.equal(search(view.only(parse('severity_min=error'), 'severity', 'info')), '?severity=info');
  assert.equal(search(view.only(parse(''), 'cluster', null)), '?cluster=!*');
});

test('severities', () => {
  const cases = [['', 'critical error warning info'], ['severity_min=error', 'critical error'], ['severity=info,error', 'error info'],
    ['severity=!info', 'critical error warning'], ['severity_min=warning&severity=info', '']];
  for (const [url, shown] of cases) assert.equal(view.shown(parse(url)).join(' '), shown, url);
  const showing = (...list) => search(view.showing(parse('severity=info'), list));
  assert.equal(showing('critical', 'error'), '?severity_min=error');
  assert.equal(showing('error', 'info'), '?severity=error,info');
  assert.equal(showing(), '?order=desc');
  assert.equal(showing(...view.severities), '?order=desc');
});

test('times', () => {
  const times = (one) => [one.since, one.until];
  const hour = parse('since=1h&live=1');
  assert.deepEqual(view.span(parse(''), now), { from: null, to: now });
  assert.deepEqual(times(view.frozen(hour, now)), ['2026-11-30T11:00:00.000Z', '2026-11-30T12:00:00.000Z']);
  assert.equal(view.frozen(hour, now).live, undefined);
  assert.deepEqual(times(view.frozen(parse('q=a'), now)), [undefined, '2026-11-30T12:00:00.000Z']);
  assert.deepEqual(times(view.shifted(hour, now, -1)), ['2026-11-30T10:30:00.000Z', '2026-11-30T11:30:00.000Z']);
  assert.deepEqual(times(view.shifted(view.shifted(hour, now, -1), now, 1)), ['2026-11-30T11:00:00.000Z', '2026-11-30T12:00:00.000Z']);
  assert.deepEqual(times(view.shifted(hour, now, 1)), ['2026-11-30T11:00:00.000Z', '2026-11-30T12:00:00.000Z'], 'not later than now');
  assert.deepEqual(times(view.widened(hour, now)), ['2026-11-30T10:00:00.000Z', '2026-11-30T12:00:00.000Z']);
  const past = parse('since=2026-11-30T04:00:00Z&until=2026-11-30T06:00:00Z');
  assert.deepEqual(times(view.widened(past, now)), ['2026-11-30T03:00:00.000Z', '2026-11-30T07:00:00.000Z']);
});

test('in context, and the history of an object', () => {
  const event = { id: 'e:1', created_at: '2026-11-30T10:00:00.000Z', object_kind: 'Node', object_namespace: null, object_name: 'a,b' };
  assert.equal(search(view.context(event, ['object_name'])),
    '?object_name=a%5C,b&since=2026-11-30T09:55:00.000Z&until=2026-11-30T10:05:00.000Z&event=e:1');
  assert.equal(search(view.history(parse('q=a&since=1h&reason=x'), event)),
    '?object_kind=Node&object_namespace=!*&object_name=a%5C,b&since=1h');
  assert.deepEqual(view.objectParts('Pod/shop/a\\/b\\\\'), ['Pod', 'shop', 'a/b\\']);
  assert.deepEqual(view.objectParts('Node//node-1'), ['Node', null, 'node-1']);
});
