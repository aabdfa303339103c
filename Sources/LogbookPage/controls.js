// The controls around the list: chips, the time, menus, sources, the token.
import { at, copy, copyButton, h, icon, liking, link, number, page, plural, toast } from './dom.js';
import { Part, address, json, now, send, token } from './client.js';
import { chosen, columns, redrawList } from './list.js';
import { ago, duration, forInput, fromInput, lastNight, milliseconds, stamp } from './times.js';
import { changed, during, everything, fields, format, frozen, query, severities, shown, showing, span,
  without, words } from './view.js';

export function drawChips() {
  const { view, counts } = page;
  const visible = shown(view);
  const focused = document.activeElement.dataset.level;
  at('levels').replaceChildren(...severities.map((name) => {
    const isShown = visible.includes(name);
    const chip = h(`button.chip.level.${name}`, { 'aria-pressed': String(isShown),
      title: `${isShown ? 'Hide' : 'Show'} ${name}; Alt-click: only ${name}`,
      onclick: ({ altKey, shiftKey }) => page.go(showing(view, altKey || shiftKey ? [name]
        : severities.filter((other) => (other === name) !== visible.includes(other)))),
    }, `${name} `, h('b', counts ? number(counts[name] ?? 0) : '…'), !isShown && ' hidden');
    chip.dataset.level = name;
    return chip;
  }));
  at('levels').querySelector(`[data-level=${focused}]`)?.focus();
  const chip = (text, next) => h('span.chip', h('span', text),
    link(next, { 'aria-label': `Remove ${text}` }, icon('close')));
  const chips = [
    ...Object.keys(fields).slice(1).flatMap((field) => (view.filters[field] ?? []).map((filter) =>
      chip(`${fields[field].toLowerCase()} ${words(filter)}`, without(view, field, filter)))),
    ...view.metadata.map(([name, value], place) => chip(`${name.slice(9)} = ${value}`,
      changed(view, (next) => next.metadata.splice(place, 1)))),
    ...(view.fold_key ? [chip('all of the same', { ...view, fold_key: null })] : [])];
  if (chips.length > 1) chips.push(link({ ...view, ...everything(), fold_key: null }, 'Clear all'));
  at('active').replaceChildren(...chips);
}

const ranges = { '15m': 'Last 15 minutes', '1h': 'Last hour', '6h': 'Last 6 hours', '24h': 'Last 24 hours',
  '7d': 'Last 7 days' };

function rangeText(view) {
  const age = milliseconds(view.since);
  if (age && !view.until) return ranges[view.since] ?? `Last ${duration(age)}`;
  const { from, to } = span(view, now());
  const parts = (ms) => stamp(ms, page.utc, now()).map((part) => part.replace(/(:\d\d):00$/, '$1'));
  const [[date, time], [lastDate, lastTime]] = [parts(from ?? to), parts(to)];
  const end = date === lastDate && from ? lastTime : `${lastDate} ${lastTime}`;
  if (from === null) return view.until ? `Until ${end}` : 'Everything';
  return view.until ? `${date} ${time} – ${end}` : `Since ${date} ${time}`;
}

export function drawRange() {
  const { from, to } = span(page.view, now());
  at('when').textContent = rangeText(page.view);
  at('earlier').disabled = from === null;
  at('later').disabled = from === null || to > now() - 1000;
}

const inTime = (view, since) => ({ ...view, since, until: null });

export const menus = {
  times() {
    const { view, utc } = page;
    const night = lastNight(now());
    const { from, to } = span(view, now());
    const choices = [...Object.keys(ranges).map((since) => [inTime(view, since), ranges[since]]),
      [during(view, night.from, night.to), 'Last night, 18:00 to 9:00'], [inTime(view), 'Everything']];
    const input = (label, ms) => h('label', label, h('input',
      { type: 'datetime-local', step: 1, value: ms && forInput(ms, utc), required: true }));
    return [
      h('ul', choices.map(([next, text]) => h('li', link(next, { 'aria-current': format(next) === format(view) }, text)))),
      h('form', { onsubmit(event) {
        event.preventDefault();
        const [start, end] = [...event.target.querySelectorAll('input')].map(({ value }) => fromInput(value, utc));
        if (start >= end) return toast('From must be before to');
        at('times').hidePopover();
        page.go(during(view, start, end));
      } }, input('From', from), input('To', to), h('p.dim', utc ? 'UTC' : 'Local time'),
      h('p.ends', link(frozen(view, now()), { class: 'button', title: 'Make the times absolute  t' }, 'Freeze'),
        h('button.primary', 'Apply')))];
  },

  looks() {
    const choice = (name, value, text, isUsual) => h('label', h('input', { type: 'radio', name,
      checked: (liking(name) ?? (isUsual && value)) === value,
      onchange() {
        liking(name, value);
        page.redraw();
      } }), ` ${text}`);
    const boxes = Object.entries(columns).map(([id, [label]]) => h('label', h('input', { type: 'checkbox', value: id,
      checked: chosen.includes(id), disabled: id === 'title' }), ` ${label}`));
    const group = (title, ...children) => h('fieldset', h('legend', title), children);
    return [
      h('fieldset', { onchange: ({ currentTarget }) =>
        redrawList([...currentTarget.querySelectorAll(':checked')].map(({ value }) => value)) },
      h('legend', 'Columns'), boxes),
      group('Rows', choice('density', 'roomy', 'Roomy', true), choice('density', 'dense', 'Dense')),
      group('Time', choice('zone', 'local', 'Local', true), choice('zone', 'utc', 'UTC')),
      token.value && h('button', { onclick() {
        token.value = '';
        location.reload();
      } }, 'Forget the token')];
  },

  take() {
    const { view, total } = page;
    const fixed = frozen(view, now());
    const search = query(fixed, {}, ['fold']);
    const item = (text, note, onclick) =>
      h('li', h('button', { onclick }, text, h('span.dim', note)));
    const size = at('histogram').ariaBusy === 'true' ? 'not counted yet' : plural(total, 'event');
    const save = (format) => item(`Download ${format}`, size, () => {
      at('take').hidePopover();
      download(`${search}&format=${format.toLowerCase()}`, `logbook.${format.toLowerCase()}`, fixed)
        .catch(({ message }) => toast(message));
    });
    const curl = `curl ${token.value && '--oauth2-bearer "$LOGBOOK_TOKEN" '}${shell(address('events', search))}`;
    return [h('ul', item('Copy link', 'absolute times', page.copyLink),
      item('Copy as curl', 'a page of events', () => copy(curl, 'Command')),
      h('li', h('a', { href: address('events', search), target: '_blank', rel: 'noreferrer' }, 'As JSON', h('span.dim', 'a page of events'))),
      total * eventBytes < mostBytes ? [save('NDJSON'), save('CSV')]
        : h('li', h('p.dim', 'More than a browser should take:')),
      item('Copy the command', 'logbook events export', () => copy(exportCommand(fixed), 'Command')))];
  },
};

// The largest download: beyond it, the command line can resume.
const mostBytes = 100e6;
const eventBytes = 1200;

const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const exportCommand = (view) => `logbook events export --server ${shell(address('').slice(0, -1))}${
  [...new URLSearchParams(query(view, {}, ['order', 'fold']))].map((pair) => ` --filter ${shell(pair.join('='))}`).join('')
} --output events.ndjson`;

async function download(search, name, view) {
  const anchor = h('a', { download: name, href: address('events/export', search) });
  // A link carries no token: a download that needs one goes through memory.
  if (token.value) {
    const chunks = [];
    let size = 0;
    const { body } = await send('events/export', search);
    for await (const chunk of body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > mostBytes) return copy(exportCommand(view), 'Over 100 MB: the command for it is');
    }
    anchor.href = URL.createObjectURL(new Blob(chunks));
    setTimeout(() => URL.revokeObjectURL(anchor.href), 60_000);
  }
  anchor.click();
}

/** Asks for a token. The view is in the address, so it stays the same. */
export function askForToken({ status, message }) {
  const form = at('signin').querySelector('form');
  const input = form.elements.token;
  const isLocal = /^(localhost|127\..*|\[::1\]|.*\.localhost)$/.test(location.hostname);
  at('exposed').hidden = location.protocol === 'https:' || isLocal;
  at('why').textContent = status === 403 || token.value ? message : 'Events are shown to those who have one.';
  form.onsubmit = (event) => {
    event.preventDefault();
    token.value = input.value.trim();
    location.reload();
  };
  if (!at('signin').open) at('signin').showModal();
  input.focus();
}

export function watchSources() {
  const part = new Part('sources');
  const look = () => document.hidden || part.trouble.textContent || part.load(async (signal) => {
    const { sources } = await json('sources', '', signal);
    at('sources-button').dataset.state = sources.every(({ connected }) => connected) ? 'live' : 'bad';
    at('sources').querySelector('ul').replaceChildren(...sources.map((source) => h('li', h('div',
      h('b', source.name), ` ${source.connected ? 'connected' : source.state}, ${number(source.stored)} stored`
        + (source.gaps ? `, ${plural(source.gaps, 'gap')}` : ''),
      h('p.dim', source.connected ? source.last_line_at && `last heard of ${ago(Date.parse(source.last_line_at), now())}`
        : source.last_error?.detail)))));
    at('sources-button').hidden = !sources.length;
  });
  look();
  at('sources').onbeforetoggle = look;
  setInterval(look, 30_000);
}

/** The text of an empty list: for a newcomer, or for somebody who looks at the wrong time. */
export async function drawNothing(signal) {
  const { view } = page;
  const { events: [newest] } = await json('events', 'limit=1&fields=created_at', signal);
  const target = shell(address('events'));
  const command = (text) => h('pre', h('code', text), copyButton(text, 'the command'));
  const time = Date.parse(newest?.created_at);
  const isLater = time < span(view, now()).from;
  const bare = { ...everything(), since: view.since, until: view.until };
  at('nothing').hidden = false;
  at('nothing').replaceChildren(...newest ? [
    h('h2', 'Nothing here'),
    h('p', 'No event matches in this time. ', isLater && `The newest of all came ${ago(time, now())}.`),
    h('p.ways', query(bare) !== query(view, {}, ['order', 'fold']) && link(bare, 'Without filters'),
      view.since && link(inTime(view), 'In all times'),
      isLater && link(during(view, time - 864e5, time + 1000), 'The day of the newest')),
  ] : [
    h('h2', 'No events yet'),
    h('p', 'Bring in what the cluster still remembers:'),
    command(`kubectl get events -A -o json | curl --data-binary @- ${target}`),
    h('p', 'Or store one by hand:'),
    command(`curl ${target} -d '{"event_type":"system","severity":"info","title":"Hello, Logbook"}'`),
    h('p.ways', link({ ...inTime(view), live: '1' }, 'Follow what comes'))]);
}
