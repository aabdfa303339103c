// The view in the URL: the API's own parameters, and a few of the page's. No DOM.
import { milliseconds } from './times.js';

export const severities = ['critical', 'error', 'warning', 'info'];

/** The fields that are filtered and counted, with their names for people. */
export const fields = {
  severity: 'Severity', reason: 'Reason', event_type: 'Type', object_kind: 'Kind',
  object_namespace: 'Namespace', object_name: 'Name', cluster: 'Cluster',
};
export const object = ['object_kind', 'object_namespace', 'object_name'];

// In the order of the URL; the last three are the page's own.
const first = ['q', 'severity_min'];
const own = ['tab', 'event', 'live'];
const last = ['fold_key', 'since', 'until', 'order', 'fold', ...own];

export const everything = () => ({ filters: {}, metadata: [], unknown: [] });

export function parse(search) {
  const view = everything();
  for (const [name, value] of new URLSearchParams(search)) {
    if (fields[name]) view.filters[name] = [...(view.filters[name] ?? []), ...split(value)];
    else if (name.startsWith('metadata.')) view.metadata.push([name, value]);
    else if (first.includes(name) || last.includes(name)) view[name] = value;
    else view.unknown.push(name);
  }
  return view;
}

// Commas separate, unless a backslash is before them.
const split = (text) => text.match(/(?:\\.|[^,\\]|\\$)+/gs) ?? [];

const pairs = (view) => [
  ...first.map((name) => [name, view[name]]),
  ...Object.keys(fields).map((name) => [name, view.filters[name]?.join()]),
  ...view.metadata,
  ...last.map((name) => [name, view[name]]),
].filter(([, value]) => value);

// Colons, commas and slashes are easier to read as they are (RFC 3986, 3.4).
const encode = (text) => encodeURIComponent(text)
  .replace(/%(2C|3A|2F)/g, decodeURIComponent).replaceAll('%20', '+');
const join = (list) => list.map((pair) => pair.map(encode).join('=')).join('&');

/** Equal views have equal query strings, never an empty one. */
export const format = (view) => `?${join(pairs(view)) || 'order=desc'}`;

/** The view's parameters for the API, with `more` and without the names in `less`. */
export const query = (view, more = {}, less = []) => join([
  ...pairs(view).filter(([name]) => ![...own, ...less, ...Object.keys(more)].includes(name)),
  ...Object.entries(more).map(([name, value]) => [name, String(value)])]);

export function changed(view, change) {
  const copy = structuredClone(view);
  change(copy);
  return copy;
}

/** The filter that only `value` passes; null is no value. */
export const token = (value) => (value === null ? '!*' : value.replace(/[\\,!*]/g, '\\$&'));

export const negated = (value) => (value === null ? '*' : `!${token(value)}`);

export function words(filter) {
  const not = filter.startsWith('!');
  const text = filter.slice(not ? 1 : 0);
  if (text === '*') return `${not ? '=' : '≠'} none`;
  const readable = text.replace(/\\(.)|\*$/gs, (_, escaped) => escaped ?? '…');
  return `${not ? '≠' : '='} ${readable}`;
}

/** The view with only `value` of `field`, or without that filter if it exists. */
export const only = (view, field, value) => changed(view, (next) => {
  next.filters[field] = String(next.filters[field]) === token(value) ? [] : [token(value)];
  if (field === 'severity') delete next.severity_min;
});

export const not = (view, field, value) => changed(view, (next) => {
  const kept = (next.filters[field] ?? []).filter((filter) => filter !== token(value));
  next.filters[field] = [...new Set([...kept, negated(value)])];
});

export const without = (view, field, filter) => changed(view, (next) => {
  next.filters[field] = next.filters[field].filter((other) => other !== filter);
});

export function shown(view) {
  const least = severities.indexOf(view.severity_min ?? 'info');
  const list = view.filters.severity ?? [];
  const isAnyOf = list.some((filter) => !filter.startsWith('!'));
  return severities.filter((name, rank) => rank <= least && !list.includes(`!${name}`)
    && (!isAnyOf || list.includes(name)));
}

/** The view with these severities, as a minimum if possible. None means all. */
export const showing = (view, list) => changed(view, (next) => {
  delete next.severity_min;
  delete next.filters.severity;
  const kept = severities.filter((name) => list.includes(name));
  if (kept.length % severities.length === 0) return;
  if (kept.every((name, rank) => name === severities[rank])) next.severity_min = kept.at(-1);
  else next.filters.severity = kept;
});

const alike = (view, event, names) => changed(everything(), (next) => {
  for (const name of names) next.filters[name] = [token(event[name])];
  Object.assign(next, view);
});

export const history = ({ since, until }, event) => alike({ since, until }, event, object);

/** The view of five minutes before and after an event, of events that share `names` with it. */
export function context(event, names) {
  const time = Date.parse(event.created_at);
  return alike({ ...between(time - 3e5, time + 3e5), event: event.id }, event, names);
}

/** The parts of `Pod/shop/web-0`, as `by=object` writes it; an empty part is null. */
export const objectParts = (text) => text.match(/(?:\\.|[^/\\])*(?:\/|$)/gs).slice(0, 3)
  .map((part) => part.replace(/\/$/, '').replace(/\\(.)/gs, '$1') || null);

const iso = (ms) => new Date(ms).toISOString();

export const between = (from, to) => ({ since: iso(from), until: iso(to) });

/** The range of the view; `from` is null if it has no beginning. */
export function span(view, now) {
  const moment = (text) => now - (milliseconds(text) ?? now - Date.parse(text)) || null;
  return { from: moment(view.since), to: moment(view.until) ?? now };
}

export const during = (view, from, to) => changed(view, (next) => {
  delete next.live;
  Object.assign(next, between(from, to));
  if (from === null) delete next.since;
});

export const frozen = (view, now) => during(view, span(view, now).from, span(view, now).to);

/** The view half a window earlier (-1) or later (1), not later than `now`. */
export function shifted(view, now, direction) {
  const { from, to } = span(view, now);
  const step = Math.min(((to - from) / 2) * direction, now - to);
  return from === null ? view : during(view, from + step, to + step);
}

export function widened(view, now) {
  const { from, to } = span(view, now);
  const end = Math.min(to + (to - from) / 2, now);
  return from === null ? view : during(view, end - 2 * (to - from), end);
}
