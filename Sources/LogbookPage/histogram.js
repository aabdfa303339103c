// Events over time, stacked by severity: drag to zoom in.
import { at, h, number, page } from './dom.js';
import { Part, json, now } from './client.js';
import { addEvent, bucketRange, readBuckets, stack } from './figures.js';
import { full, ticks } from './times.js';
import { during, query, severities, shown, widened } from './view.js';

const axis = 18;
const plot = at('plot');
const tip = at('tip');
const part = new Part('histogram');
let buckets = null;
// Positions of buckets: the pointer or keyboard, and the start of a selection.
let cursor = null;
let anchor = null;
// Live events that a pending answer does not count.
let arrived = [];
const mostArrived = 1e5;

export const loadHistogram = () => part.load(async (signal) => {
  const answer = await json('events/stats',
    query(page.view, { by: 'severity' }, ['severity', 'severity_min', 'order', 'fold']), signal);
  buckets = readBuckets(answer);
  page.counts = Object.fromEntries(answer.totals.severity.map(({ value, count }) => [value, count]));
  const late = arrived.filter(([time]) => time >= buckets.to);
  arrived = [];
  count(late);
});

export const addToHistogram = (events) =>
  count(events.map(({ created_at: time, severity }) => [Date.parse(time), severity]));

function count(events) {
  if (arrived.length < mostArrived) arrived.push(...events);
  if (!buckets) return;
  for (const [time, severity] of events) {
    addEvent(buckets, time, severity);
    page.counts[severity] = (page.counts[severity] ?? 0) + 1;
  }
  drawHistogram();
}

/** The time since which there are some `count` events; null if there are fewer. */
export function sinceNewest(count) {
  let sum = 0;
  const bucket = buckets?.list.findLast(({ total }) => (sum += total) > count);
  return bucket && bucket !== buckets.list[0] ? new Date(bucket.start).toISOString() : null;
}

const time = (ms) => full(ms, page.utc).slice(0, 19).replace(/:00$/, '');

export function drawHistogram() {
  page.oncounts();
  const [width, height] = [plot.clientWidth, plot.clientHeight - axis];
  if (!buckets?.list.length || width < 50) return;
  const { list, interval } = buckets;
  const { most, bars } = stack(list, shown(page.view), height);
  const [start, length] = [list[0].start, list.length * interval];
  const edge = (place) => Math.round((place / list.length) * width);
  plot.replaceChildren(h('svg', { width, height: height + axis },
    h('path.grid', { d: [1, height >> 1, height].map((y) => `M0 ${y}.5H${width}`).join('') }),
    ticks(start, start + length, Math.max(2, width / 90), page.utc).map(({ at: tick, label }) =>
      h('text', { y: height + 14, 'text-anchor': 'middle',
        x: Math.min(Math.max(((tick - start) / length) * width, label.length * 3.3), width - label.length * 3.3) }, label)),
    Object.entries(bars).map(([name, of]) => h(`path.bar.${name}`, { d: of.map(([place, top, size]) =>
      `M${edge(place)} ${top}H${Math.max(edge(place + 1) - 1, edge(place) + 1)}v${size}H${edge(place)}z`).join('') })),
    h('text.most', { x: 4, y: 13 }, number(most)), h('rect.brush', { height, width: 0 })));
  plot.ariaValueMax = list.length - 1;
  mark();
}

function mark() {
  const brush = plot.querySelector('.brush');
  tip.hidden = cursor === null || !brush;
  brush?.setAttribute('width', 0);
  if (tip.hidden) return;
  const [first, last] = [cursor, anchor ?? cursor].sort((a, b) => a - b);
  const width = plot.clientWidth / buckets.list.length;
  brush.setAttribute('x', first * width);
  brush.setAttribute('width', (last - first + 1) * width);
  const { from, to } = bucketRange(buckets, first, last);
  const counts = severities.map((name) => [name, buckets.list.slice(first, last + 1)
    .reduce((sum, bucket) => sum + (bucket.counts[name] ?? 0), 0)]).filter(([, count]) => count);
  tip.replaceChildren(h('strong', `${time(from)} – ${time(to)}`),
    ...counts.map(([name, count]) => h(`span.level.${name}`, `${number(count)} ${name}`)));
  plot.ariaValueNow = cursor;
  plot.ariaValueText = [...tip.children].map((child) => child.textContent).join(', ');
  const half = tip.offsetWidth / 2;
  tip.style.left = `${Math.min(Math.max(((first + last + 1) / 2) * width, half), plot.clientWidth - half)}px`;
}

function clear() {
  cursor = anchor = null;
  mark();
}

function zoom() {
  const { from, to } = bucketRange(buckets, anchor ?? cursor, cursor);
  clear();
  page.go(during(page.view, from, to));
}

function point(event) {
  const { left, width } = plot.getBoundingClientRect();
  const last = buckets.list.length - 1;
  cursor = Math.min(Math.max(Math.floor(((event.clientX - left) / width) * (last + 1)), 0), last);
}

plot.onpointerdown = (event) => {
  if (!buckets || event.button) return;
  plot.setPointerCapture(event.pointerId);
  point(event);
  anchor = cursor;
};
plot.onpointermove = (event) => {
  if (!buckets) return;
  point(event);
  mark();
};
plot.onpointerup = () => {
  if (anchor !== null && anchor !== cursor) zoom();
  anchor = null;
};
plot.onpointercancel = clear;
plot.onpointerleave = () => anchor === null && clear();
plot.onblur = clear;
plot.ondblclick = () => page.go(widened(page.view, now()));
plot.onkeydown = (event) => {
  const { key } = event;
  if (!buckets || event.ctrlKey || event.altKey || event.metaKey) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
  const last = buckets.list.length - 1;
  if (step) {
    anchor = event.shiftKey ? anchor ?? cursor : null;
    cursor = Math.min(Math.max((cursor ?? (step > 0 ? -1 : last + 1)) + step, 0), last);
  } else if (cursor === null || (key !== 'Enter' && key !== 'Escape')) return;
  else if (key === 'Enter') zoom();
  else clear();
  event.preventDefault();
  mark();
};
new ResizeObserver(drawHistogram).observe(plot);
