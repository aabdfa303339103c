// The most frequent values of each field.
import { at, h, link, number, page } from './dom.js';
import { Part, json } from './client.js';
import { full } from './times.js';
import { sinceNewest } from './histogram.js';
import { fields, negated, not, only, query, token, without } from './view.js';

const counted = Object.keys(fields).slice(1);
const brief = 8;
// Events that are counted: of a million it takes seconds.
const sample = 1e5;
const part = new Part('facets');
const whole = new Set();
let totals = {};

/** Counts a field without its own filter, because the other values would vanish. */
export const loadFacets = () => part.load(async (signal) => {
  const { view } = page;
  const since = sinceNewest(sample);
  const ask = async (names, less) => (names.length ? (await json('events/stats',
    query(view, { by: names, ...since && { since } }, ['order', 'fold', ...less]), signal)).totals : {});
  const filtered = counted.filter((field) => view.filters[field]);
  totals = Object.assign(...await Promise.all([ask(counted.filter((field) => !view.filters[field]), []),
    ...filtered.map((field) => ask([field], [field]))]));
  at('sample').textContent = since && `Counted since ${full(Date.parse(since), page.utc).slice(0, 16)}`;
  draw();
});

function draw() {
  const list = at('facets').querySelector('.list');
  const drawn = counted.filter((field) => totals[field]?.some(({ value }) => value !== null)).map((field) => {
    const values = totals[field];
    const shown = whole.has(field) ? values : values.slice(0, brief);
    return h('details', { open: !list.querySelector(`#f-${field}:not([open])`), id: `f-${field}` },
      h('summary', fields[field]), h('ul', shown.map((one) => row(field, one, values[0].count))),
      values.length > shown.length && h('button.more', { onclick() {
        whole.add(field);
        draw();
      } }, `${values.length - brief} more`));
  });
  list.replaceChildren(...drawn);
}

function row(field, { value, count }, most) {
  const { view } = page;
  const filters = view.filters[field] ?? [];
  const isNot = filters.includes(negated(value));
  const isOnly = filters.includes(token(value));
  const name = value ?? 'none';
  const element = h(isOnly ? 'li.only' : isNot ? 'li.excluded' : 'li',
    link(isNot ? without(view, field, negated(value)) : only(view, field, value), { 'aria-current': isOnly, title: name },
      h(value === null ? 'span.name.none' : 'span.name', name),
      h('span.count', number(count))),
    link(not(view, field, value), { class: 'not', 'aria-label': `Not ${name}` }, '≠'));
  element.style.setProperty('--part', count / most);
  return element;
}
