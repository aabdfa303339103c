// The arithmetic of bars, words and shares. No DOM.
import { milliseconds } from './times.js';
import { severities } from './view.js';

export function readBuckets(statistics) {
  const interval = milliseconds(statistics.interval);
  return {
    interval,
    from: Date.parse(statistics.range.since), to: Date.parse(statistics.range.until),
    list: statistics.buckets.map((bucket) => (
      { start: Date.parse(bucket.start), counts: bucket.counts, total: bucket.total })),
  };
}

/** Counts an event that has just arrived, and extends the buckets to its time. */
export function addEvent(buckets, time, severity) {
  const { list, interval } = buckets;
  if (list.length === 0) return;
  buckets.to = Math.max(buckets.to, time);
  const place = Math.floor((time - list[0].start) / interval);
  // A time far ahead adds no buckets: its sender's clock is wrong.
  if (place < 0 || place > list.length + 10) return;
  while (list.length <= place) {
    list.push({ start: list.at(-1).start + interval, counts: {}, total: 0 });
  }
  const { counts } = list[place];
  counts[severity] = (counts[severity] ?? 0) + 1;
  list[place].total += 1;
}

/** Bars as `[place, top, height]` for each of `names`; the worst share a baseline at the bottom. */
export function stack(list, names, height) {
  const sum = (bucket) => names.reduce((total, name) => total + (bucket.counts[name] ?? 0), 0);
  const most = Math.max(1, ...list.map(sum));
  const bars = Object.fromEntries(names.map((name) => [name, []]));
  for (const [place, bucket] of list.entries()) {
    let bottom = height;
    for (const name of severities.filter((one) => names.includes(one))) {
      const count = bucket.counts[name] ?? 0;
      if (!count) continue;
      const size = Math.max(2, Math.round((count / most) * (height - 2)));
      const top = Math.max(0, bottom - size);
      bars[name].push([place, top, bottom - top]);
      bottom = top - 1;
    }
  }
  return { most, bars };
}

export function bucketRange(buckets, one, other) {
  const { list, interval } = buckets;
  const limit = (place) => Math.min(Math.max(place, 0), list.length - 1);
  const [first, last] = [limit(Math.min(one, other)), limit(Math.max(one, other))];
  return { from: list[first].start, to: list[last].start + interval };
}

export function pattern(q) {
  const parts = [...(q ?? '').matchAll(/(^|\s)(-?)(?:"([^"]*)"(\*?)|(\S+))/g)]
    .filter(([, , minus]) => !minus)
    .map(([, , , phrase, star, word]) => {
      const isPrefix = star === '*' || word?.endsWith('*');
      const runs = (phrase ?? word).match(/[\p{L}\p{N}]+/gu);
      if (!runs) return null;
      return runs.join('[^\\p{L}\\p{N}]+') + (isPrefix ? '[\\p{L}\\p{N}]*' : '');
    }).filter(Boolean);
  return parts.length ? new RegExp(`(?:${parts.join('|')})`, 'giu') : null;
}

export function pieces(text, marks) {
  if (!marks) return [[text, false]];
  const list = [];
  let end = 0;
  for (const match of text.matchAll(marks)) {
    if (match.index > end) list.push([text.slice(end, match.index), false]);
    list.push([match[0], true]);
    end = match.index + match[0].length;
  }
  if (end < text.length) list.push([text.slice(end), false]);
  return list;
}

// The most values of a field that statistics list.
const listed = 20;

/** The ten values whose shares in two answers of `GET /events/stats` differ most. */
export function differences(now, before) {
  const found = [];
  for (const [field, values] of Object.entries(now.totals)) {
    const previous = before.totals[field] ?? [];
    // A value that is not listed may be as frequent as the last one listed.
    const least = (list) => (list.length < listed ? 0 : list.at(-1).count);
    const names = new Set([...values, ...previous].map(({ value }) => value));
    for (const value of names) {
      const count = (list) => list.find((one) => one.value === value)?.count ?? least(list);
      const share = count(values) / Math.max(1, now.total);
      const old = count(previous) / Math.max(1, before.total);
      found.push({ field, value, count: count(values), share, before: old });
    }
  }
  // If one value rises, the others of its field fall, so a fall counts half.
  const size = ({ share, before }) => Math.max(share - before, (before - share) / 2);
  return found.filter((one) => size(one) >= 0.005).sort((a, b) => size(b) - size(a)).slice(0, 10);
}
