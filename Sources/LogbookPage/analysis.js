// Instead of the list: a lane for each object, and the differences in this time.
import { at, h, link, number, page, plural } from './dom.js';
import { Part, json, now } from './client.js';
import { differences } from './figures.js';
import { duration } from './times.js';
import { between, changed, fields, history, object, objectParts, only, query, shown, span } from './view.js';

const part = { objects: new Part('objects'), changes: new Part('changes') };
const body = (tab) => at(tab).querySelector('table');
const ask = (search, names, signal) =>
  json('events/stats', query(page.view, search, ['order', 'fold', ...names]), signal);

export const loadObjects = () => part.objects.load(async (signal) => {
  const sees = shown(page.view);
  const bad = sees.includes('error') && sees.length > 2
    && await ask({ by: 'object', severity_min: 'error' }, ['severity_min'], signal);
  const all = await ask({ by: 'object' }, [], signal);
  body('objects').replaceChildren(h('caption.offscreen', 'Objects, and when something happened to them'),
    bad ? group(bad, 'Most errors', 'error', 10) : '', group(all, 'Most events', 'info', 20));
});

function group({ buckets, totals }, title, kind, size) {
  const most = Math.max(1, ...buckets.flatMap(({ counts }) => Object.values(counts)));
  const values = totals.object.filter(({ value }) => value).slice(0, size);
  return h('tbody', h('tr', h('th.title', { scope: 'rowgroup', colspan: 3 }, title, !values.length && ': none')),
    values.map(({ value, count }) => {
      const [kindName, ...names] = objectParts(value);
      const event = Object.fromEntries(object.map((field, place) => [field, [kindName, ...names][place]]));
      return h('tr', h('th', { scope: 'row' }, link(history(page.view, event),
        h('span.dim', `${kindName ?? ''} `), names.filter(Boolean).join('/'))),
      h(`td.strip.${kind}`, strip(value, buckets, most)), h('td.count', number(count)));
    }));
}

function strip(value, buckets, most) {
  // Three shades by the logarithm: one event is visible beside a thousand.
  const shades = ['', '', ''];
  buckets.forEach(({ counts }, place) => {
    const shade = Math.floor((3 * Math.log(counts[value] + 1)) / Math.log(most + 2));
    if (counts[value]) shades[shade] += `M${place} 0h1v1h-1z`;
  });
  return h('svg', { viewBox: `0 0 ${buckets.length} 1`, preserveAspectRatio: 'none' },
    shades.map((d, shade) => h(`path.shade${shade}`, { d })));
}

const windows = 4;

export const loadChanges = () => part.changes.load(async (signal) => {
  const { from, to } = span(page.view, now());
  const length = to - from;
  const counts = (start, end) => ask({ by: Object.keys(fields), ...between(start, end) }, ['since', 'until'], signal);
  const [current, before] = from === null ? []
    : await Promise.all([counts(from, to), counts(from - windows * length, from)]);
  const found = before?.total && current.total ? differences(current, before) : [];
  at('changes').querySelector('.note').textContent = !before
    ? 'Choose a time: it is compared with the time before it.'
    : `${plural(current.total, 'event')} in ${duration(length)}, compared with ${plural(before.total, 'event')} in `
      + `the ${duration(windows * length)} before. ${found.length ? '' : 'Nothing stands out.'}`;
  body('changes').tBodies[0].replaceChildren(...found.map(row));
});

function row({ field, value, count, share, before }) {
  const percent = (part) => `${(part * 100).toFixed(part < 0.1 ? 1 : 0)}%`;
  const bar = (part, name) => {
    const element = h(`span.share.${name}`);
    element.style.width = percent(part);
    return element;
  };
  const change = !before ? 'new' : !share ? 'gone'
    : share > before ? `×${(share / before).toFixed(1)}` : `÷${(before / share).toFixed(1)}`;
  return h('tr', h('td.dim', fields[field]),
    h('th', { scope: 'row' }, link(changed(only(page.view, field, value), (next) => { delete next.tab; }), value ?? 'none')),
    h('td.count', number(count)), h(share > before ? 'td.rise' : 'td', change),
    h('td.shares', bar(share, 'now'), bar(before, 'before')),
    h('td.count', `${percent(share)} `, h('span.dim', `was ${percent(before)}`)));
}
