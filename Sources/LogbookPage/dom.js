// Elements made without markup: the content of events is always text.
import { format } from './view.js';

/** The state that the parts of the page share; app.js fills it. */
export const page = { total: 0, get utc() { return liking('zone') === 'utc'; } };

/** `h('p.note', {title}, ...children)`: attributes, listeners (`onclick`), nodes, texts, lists. */
export function h(tag, ...children) {
  const [name, ...classes] = tag.split('.');
  const isDrawn = /^(svg|path|rect|text)$/.test(name);
  const element = isDrawn ? document.createElementNS('http://www.w3.org/2000/svg', name)
    : document.createElement(name);
  if (name === 'svg') element.ariaHidden = 'true';
  if (classes.length) element.setAttribute('class', classes.join(' '));
  const attributes = children[0]?.constructor === Object ? children.shift() : {};
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) element[key] = value;
    else if (value !== false && value != null) element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat(9).filter((child) => child != null && child !== false));
  return element;
}

export const at = (id) => document.getElementById(id);

const icons = {
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7 14 14',
  left: 'M10 3 5 8l5 5',
  right: 'm6 3 5 5-5 5',
  up: 'm3 10 5-5 5 5',
  down: 'm3 6 5 5 5-5',
  close: 'm4 4 8 8m0-8-8 8',
  copy: 'M6 6h7v7H6zM3.5 10H3V3h7v.5',
  save: 'M8 2v8m-3.5-3L8 10.5 11.5 7M2.5 13.5h11',
  columns: 'M2.5 3h11v10h-11zM6.5 3v10M10 3v10',
  fold: 'M2.5 5h11v3h-11zM4 10.5h8M5.5 13h5',
  reload: 'M13 8a5 5 0 1 1-1.5-3.5L13 6M13 2.5V6H9.5',
};

export const icon = (name) => h('svg.icon', { viewBox: '0 0 16 16' }, h('path', { d: icons[name] }));

/** A link to another view; app.js follows it without reloading the page. */
export const link = (view, ...children) => {
  const element = h('a', ...children);
  element.href = format(view);
  return element;
};

export function announce(text) {
  at('status').textContent = text;
}

export function toast(text) {
  const box = at('toast');
  box.textContent = text;
  box.hidden = false;
  clearTimeout(box.timer);
  box.timer = setTimeout(() => { box.hidden = true; }, 2500);
  announce(text);
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Over plain HTTP to another machine there is no clipboard API.
    const area = h('textarea.offscreen');
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  toast(`${what} copied`);
}

export const copyButton = (text, what) => h('button.quiet',
  { title: `Copy ${what}`, onclick: () => copy(text, what) }, icon('copy'));

// Intl would take longer to load than a page of rows to draw.
export const number = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ',');

export const plural = (value, noun) => `${number(value)} ${noun}${value === 1 ? '' : 's'}`;

export function liking(name, value) {
  if (value !== undefined) localStorage.setItem(`logbook.${name}`, value);
  return localStorage.getItem(`logbook.${name}`);
}
