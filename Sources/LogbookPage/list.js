// The table of events: its pages, the selected row, and rows that arrive.
import { at, h, liking, link, number, page, plural } from './dom.js';
import { Part, json, now } from './client.js';
import { pattern, pieces } from './figures.js';
import { ago, full, stamp } from './times.js';
import { query } from './view.js';

const pageSize = 200;
const mostRows = 1000;
// The most events that wait to be shown; further ones are only counted.
const mostHeld = 200;
const listed = 'id,event_type,severity,title,object_kind,object_namespace,object_name,created_at,'
  + 'cluster,reason,occurrences,fold_key,seq';

export const marked = (text, marks) => pieces(text, marks)
  .map(([piece, isMarked]) => (isMarked ? h('mark', piece) : piece));

const isBad = ({ severity }) => severity === 'error' || severity === 'critical';
export const countBad = (events) => events.filter(isBad).length;

export const columns = {
  time: ['Time', ({ created_at: text }) => {
    const ms = Date.parse(text);
    const [date, time] = stamp(ms, page.utc, now());
    return h('time', { datetime: text, title: `${full(ms, false)}\n${full(ms, true)}\n${ago(ms, now())}` },
      h('span.dim', `${date} `), time);
  }],
  severity: ['Severity', ({ severity }) => h(`span.level.${severity}`, severity)],
  event_type: ['Type', (event) => event.event_type],
  cluster: ['Cluster', (event) => event.cluster],
  reason: ['Reason', (event) => event.reason],
  object: ['Object', (event) => [event.object_kind && h('span.dim', `${event.object_kind} `),
    event.object_namespace && `${event.object_namespace}/`, event.object_name]],
  title: ['Title', ({ id, title, reason, occurrences, fold }) => {
    // Titles of Kubernetes events begin with the reason, which has its own column.
    const text = chosen.includes('reason') && reason && title.startsWith(`${reason}: `)
      ? title.slice(reason.length + 2) : title;
    const times = fold?.occurrences ?? occurrences;
    const when = fold && `${plural(fold.events, 'event')}\nfirst ${full(Date.parse(fold.first), page.utc)}`
      + `\nlast ${full(Date.parse(fold.last), page.utc)}`;
    return [(times > 1 || fold?.at_least) && h('span.times', { title: when }, `×${number(times)}${fold?.at_least ? '+' : ''}`),
      link({ ...page.view, event: id }, { title }, marked(text, marks))];
  }],
};
export let chosen = liking('columns')?.split(',').filter((id) => columns[id])
  ?? ['time', 'severity', 'reason', 'object', 'title'];
let marks = null;

const part = new Part('events');
const olderPart = new Part('older');
const table = at('list');
const [body] = table.tBodies;

/** Loaded: `rows` of `{event, element}`; `search` and `cursor` continue, null at the end. */
export const list = { rows: [], current: null, heldCount: 0, cursor: null };
let known = new Set();
let held = [];
// Live events that arrive while the list loads: its answer may not have them.
let early = null;

/** The element that scrolls: the pane or, if it is as long as its content, the document. */
export const scroller = () => (getComputedStyle(at('main')).overflowY === 'auto'
  ? at('main') : document.scrollingElement);

export const isAtTop = () => scroller().scrollTop < 8;

/** Loads the newest events of the view, after `opened`, or shows those in `old`. */
export const loadList = (opened, old) => {
  olderPart.stop();
  part.stop();
  if (old) {
    early = null;
    part.trouble.textContent = '';
    return show(...old);
  }
  early = [];
  return part.load(async (signal) => {
    await opened;
    const { view } = page;
    const started = performance.now();
    const search = query(view, { limit: pageSize, fields: listed });
    const { events, pagination } = await json('events', search, signal);
    list.took = performance.now() - started;
    show(events, pagination.next_cursor, search);
    const missed = early;
    early = null;
    if (missed.length) arrive(missed);
    if (!events.length) await page.onnothing(signal);
    while (view.event && !list.current && list.cursor && list.rows.length < mostRows) await append(signal);
    select(view.event ?? list.current);
  });
};

function show(events, cursor, search, scroll = 0) {
  const { current } = list;
  Object.assign(list, { rows: [], cursor, search });
  known = new Set();
  marks = pattern(page.view.q);
  body.replaceChildren();
  hold([]);
  head();
  add(events);
  scroller().scrollTop = scroll;
  select(page.view.event ?? current, false);
  drawEnds();
}

function head() {
  table.tHead.rows[0].replaceChildren(...chosen.map((id) => h(`th.c-${id}`, { scope: 'col' }, columns[id][0])));
}

function makeRow(row) {
  row.element = h('tr', chosen.map((id) => h(id === 'title' ? 'th.c-title' : `td.c-${id}`,
    { scope: id === 'title' && 'row' }, columns[id][1](row.event))));
  row.element.dataset.id = row.event.id;
  return row.element;
}

export function redrawList(ids = chosen) {
  if (ids !== chosen) liking('columns', ids);
  chosen = ids;
  head();
  body.replaceChildren(...list.rows.map(makeRow));
  select(list.current, false);
}

function add(events) {
  const groups = new Set(page.view.fold && list.rows.map(({ event }) => event.fold_key));
  const rows = events.filter(({ seq, fold_key: key }) => !known.has(seq) && !groups.has(key))
    .map((event) => ({ event }));
  for (const { event } of rows) known.add(event.seq);
  list.rows.push(...rows);
  body.append(...rows.map(makeRow));
}

function drop(rows) {
  for (const { event, element } of rows) {
    known.delete(event.seq);
    element.remove();
  }
}

async function append(signal) {
  const cursor = list.cursor && `&cursor=${list.cursor}`;
  const { events, pagination } = await json('events', list.search + cursor, signal);
  list.cursor = pagination.next_cursor;
  add(events);
  const surplus = list.rows.splice(0, list.rows.length - mostRows);
  const before = body.offsetHeight;
  drop(surplus);
  if (surplus.length) {
    scroller().scrollTop -= before - body.offsetHeight;
    at('newer').hidden = false;
  }
  drawEnds();
}

function loadOlder() {
  if (list.cursor !== null && at('older').ariaBusy !== 'true') olderPart.load(append);
}

function drawEnds() {
  const { rows, cursor } = list;
  table.hidden = at('older').hidden = rows.length === 0;
  at('more').hidden = cursor === null;
  at('end').hidden = cursor !== null;
  if (rows.length < mostRows) at('newer').hidden = true;
  // An observer reports only changes.
  nearEnd.disconnect();
  nearEnd.observe(at('older'));
}

at('more').onclick = loadOlder;
const nearEnd = new IntersectionObserver(([entry]) => entry.isIntersecting && loadOlder(),
  { rootMargin: '600px', scrollMargin: '600px' });

/** Takes live events: into the table while nobody reads, otherwise they wait. */
export function arrive(events) {
  if (early) return void (early = [...early, ...events].slice(-mostRows));
  const fresh = events.filter(({ seq }) => !known.has(seq));
  if (isAtTop() && !list.current && !list.heldCount) insert(fresh);
  else hold(fresh);
}

/** Makes events wait; an empty list lets go of those that do. */
function hold(events) {
  if (!events.length) Object.assign(list, { heldCount: 0, heldBad: 0 });
  held = events.length ? [...held, ...events].slice(0, mostHeld) : [];
  list.heldCount += events.length;
  list.heldBad += countBad(events);
  at('pill').hidden = !list.heldCount;
  at('pill').textContent = `${number(list.heldCount)} new`
    + (list.heldBad ? `, ${plural(list.heldBad, 'error')}` : '');
  page.onscrolled();
}

function insert(events) {
  const order = ({ created_at: time, seq }) => time + String(seq).padStart(16, '0');
  // More than a page at once replace all: those before them come when somebody scrolls there.
  const surplus = events.length > pageSize ? list.rows.splice(0) : [];
  if (surplus.length) list.cursor = null;
  for (const event of events.slice(-pageSize)) {
    if (page.view.fold) replaceGroup(event);
    const place = list.rows.findIndex((row) => order(event) > order(row.event));
    // Older than everything loaded: it comes with its page.
    if (place < 0 && list.cursor !== null) continue;
    const row = { event };
    known.add(event.seq);
    body.insertBefore(makeRow(row), list.rows[place]?.element ?? null);
    list.rows.splice(place < 0 ? list.rows.length : place, 0, row);
  }
  surplus.push(...list.rows.splice(mostRows));
  drop(surplus);
  if (surplus.length) {
    olderPart.stop();
    // The cursor continues after rows that are gone; the time of the last one here leads on.
    const until = new Date(Date.parse(list.rows.at(-1).event.created_at) + 1).toISOString();
    list.search = query({ ...page.view, until }, { limit: pageSize, fields: listed });
    list.cursor = '';
  }
  scroller().scrollTop = 0;
  drawEnds();
}

function replaceGroup(event) {
  const { created_at: time } = event;
  const place = list.rows.findIndex((row) => row.event.fold_key === event.fold_key);
  const [row] = place < 0 ? [] : list.rows.splice(place, 1);
  // A group that is not loaded may be further down.
  const { occurrences, events, first, last, at_least } = row?.event.fold
    ?? { occurrences: 0, events: 0, first: time, last: time, at_least: list.cursor !== null };
  event.fold = { occurrences: occurrences + event.occurrences, events: events + 1, at_least,
    first: time < first ? time : first, last: time > last ? time : last };
  if (row) drop([row]);
}

export function toNewest() {
  select(null);
  scroller().scrollTop = 0;
  takeHeld();
}

function takeHeld() {
  const events = held;
  if (list.heldCount > held.length || !at('newer').hidden) return page.reload();
  hold([]);
  if (events.length) insert(events);
}

at('pill').onclick = at('newer').onclick = toNewest;
for (const target of [at('main'), document]) {
  target.addEventListener('scroll', () => {
    if (list.heldCount && !list.current && isAtTop()) takeHeld();
    page.onscrolled();
  }, { passive: true });
}

export function select(id, isScrolled = true) {
  const find = (one) => list.rows.find((row) => row.event.id === one);
  body.querySelector('[aria-current]')?.removeAttribute('aria-current');
  const row = id && find(id);
  list.current = row ? id : null;
  row?.element.setAttribute('aria-current', 'true');
  if (isScrolled) row?.element.scrollIntoView({ block: 'nearest' });
  page.onscrolled();
  return row?.event ?? null;
}

export function move(step) {
  const place = list.rows.findIndex(({ event }) => event.id === list.current);
  const row = list.rows[place < 0 ? 0 : Math.min(Math.max(place + step, 0), list.rows.length - 1)];
  return row && select(row.event.id);
}
