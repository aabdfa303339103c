// One event beside the list, with every value as stored.
import { at, copyButton, h, link, number, page, plural } from './dom.js';
import { Part, now, send } from './client.js';
import { member, plainText, read } from './exact.js';
import { pattern } from './figures.js';
import { marked } from './list.js';
import { ago, full } from './times.js';
import { changed, context, fields, history, not, object, only } from './view.js';

const openLevels = 2;
const part = new Part('detail');

export const shown = { id: null, raw: null };

export function openDetail(id, isAnew) {
  if (id === shown.id && !isAnew) return;
  shown.id = id;
  at('detail').hidden = !id;
  document.body.classList.toggle('with-detail', Boolean(id));
  part.stop();
  if (id) part.load(async (signal) => {
    const answer = await send(`events/${encodeURIComponent(id)}`, '', signal);
    shown.raw = (await answer.text()).trim();
    drawDetail();
  });
}

export function drawDetail() {
  const { raw } = shown;
  if (!raw) return;
  const { view } = page;
  const event = JSON.parse(raw);
  const marks = pattern(view.q);
  const row = (name, ...value) => [h('dt', name), h('dd', value)];
  const time = (text) => [h('time', { datetime: text }, full(Date.parse(text), page.utc)),
    h('span.dim', ago(Date.parse(text), now()))];
  const field = (name) => row(fields[name],
    h(name === 'severity' ? `span.level.${event[name]}` : 'span', event[name]),
    h('span.buttons', link(only(view, name, event[name]), { 'aria-label': `Only ${event[name]}` }, 'only'),
      link(not(view, name, event[name]), { class: 'not', 'aria-label': `Not ${event[name]}` }, 'not'),
      copyButton(event[name], name)));
  const metadata = member(read(raw), 'metadata');
  at('detail').querySelector('.body').replaceChildren(
    h('h2', marked(event.title, marks)),
    event.description && !event.title.endsWith(event.description)
      ? h('p.description', marked(event.description, marks)) : '',
    h('dl', row('Time', time(event.created_at)),
      Object.keys(fields).filter((name) => event[name]).map(field),
      event.occurrences > 1 && row('Occurrences', number(event.occurrences)),
      row('Received', time(event.received_at)), row('Seq', event.seq),
      row('Id', h('span', event.id), h('span.buttons', copyButton(event.id, 'id')))),
    h('section', h('h3', 'Five minutes around it'), h('p.ways', link(context(event, []), 'everything'),
      event.object_namespace && link(context(event, ['object_namespace']), `namespace ${event.object_namespace}`),
      event.object_name && link(context(event, object), 'this object'))),
    h('section', h('h3', 'Its history'), h('p.ways',
      event.object_name && link(history(view, event), `${event.object_kind ?? ''} ${event.object_name}`),
      event.fold_key && link(changed(view, (next) => {
        delete next.fold;
        next.fold_key = event.fold_key;
      }), 'all of the same'))),
    h('section', h('h3', 'Metadata'), metadata.members?.length ? tree(metadata, [], openLevels) : h('p.dim', 'None')),
    h('details.raw', h('summary', 'JSON, byte for byte'), h('pre', raw)));
}

// Filters cannot reach into arrays, because no path leads there.
const tree = (node, path, levels) => h('ul.tree', node.type === 'object'
  ? node.members.map(({ key, value }) => branch(key, value, path && [...path, key], levels))
  : node.items.map((value, place) => branch(place, value, null, levels)));

function branch(key, node, path, levels) {
  const { view } = page;
  const content = node.members ?? node.items;
  if (content?.length) {
    return h('li', h('details', { open: levels > 1 }, h('summary', h('span.key', key),
      h('span.dim', plural(content.length, node.members ? 'key' : 'item'))), tree(node, path, levels - 1)));
  }
  const text = content ? node.raw : plainText(node);
  return h('li', h('span.key', key),
    h(`span.value.${node.type}`, marked(node.raw, node.type === 'string' ? pattern(view.q) : null)),
    h('span.buttons', path && !content && link(changed(view, (next) => {
      next.metadata.push([`metadata.${path.join('.')}`, text]);
    }), { 'aria-label': `Only ${key} ${text.slice(0, 50)}` }, 'only'), copyButton(text, key)));
}
