// The page: one view, the parts that show it, and the controls that change it.
import { announce, at, copy, icon, liking, link, page, plural } from './dom.js';
import { Tail, now } from './client.js';
import { loadChanges, loadObjects } from './analysis.js';
import { askForToken, drawChips, drawNothing, drawRange, menus, watchSources } from './controls.js';
import { drawDetail, openDetail, shown as detail } from './detail.js';
import { loadFacets } from './facets.js';
import { addToHistogram, drawHistogram, loadHistogram } from './histogram.js';
import { listen } from './keys.js';
import { arrive, countBad, isAtTop, list, loadList, move, redrawList, scroller, select, toNewest } from './list.js';
import { ago } from './times.js';
import { context, everything, format, frozen, parse, query, severities, shifted, shown, showing,
  widened } from './view.js';

const usual = '?since=24h';
const tabs = { events: 'Events', objects: 'Objects', changes: 'Changes' };
const mostKept = 8;
const kept = new Map();

Object.assign(page, { go, reload, redraw, copyLink, oncounts: drawCounts, onnothing: drawNothing, onscrolled: drawLive,
  refused: askForToken });

/** Shows another view, in place of this one in the history if `isTyping`. */
function go(view, isTyping) {
  if (format(view) === format(page.view)) return;
  if (!isTyping) remember();
  history[isTyping ? 'replaceState' : 'pushState'](null, '', format(view));
  change({ ...view, unknown: [] });
}

function remember() {
  const url = format(page.view);
  kept.delete(url);
  kept.set(url, [list.rows.map(({ event }) => event), list.cursor, list.search, scroller().scrollTop]);
  if (kept.size > mostKept) kept.delete(kept.keys().next().value);
}

/** `old` is what the list of `view` was when it was left. */
function change(view, old) {
  const before = page.view;
  page.view = view;
  draw();
  if (query(before) !== query(view) || before.live !== view.live) load(old);
  else if (before.tab !== view.tab) loadTab();
  openDetail(view.event);
  if (view.event) select(view.event);
  if (detail.id) drawDetail();
}

function draw() {
  const { view } = page;
  document.body.dataset.density = liking('density');
  drawChips();
  drawRange();
  drawLive();
  if (at('q') !== document.activeElement) at('q').value = view.q ?? '';
  at('tabs').replaceChildren(...Object.entries(tabs).map(([tab, label]) => link(
    { ...view, tab: tab === 'events' ? null : tab }, { 'aria-current': tab === (view.tab ?? 'events') }, label)));
  at('fold').ariaPressed = String(Boolean(view.fold));
  at('notice').hidden = !view.unknown.length;
  at('notice').textContent = `The address has what this page does not know: ${view.unknown.join(', ')}.`;
  document.title = [view.q, ...Object.values(view.filters).flat(), 'Logbook'].filter(Boolean).join(' · ');
}

function redraw() {
  draw();
  redrawList();
  drawHistogram();
  if (detail.id) drawDetail();
}

function loadTab() {
  const { tab = 'events' } = page.view;
  for (const name of Object.keys(tabs)) at(name).hidden = name !== tab;
  if (tab === 'objects') loadObjects();
  if (tab === 'changes') loadChanges();
}

async function load(old) {
  const { view } = page;
  at('nothing').hidden = true;
  const opened = follow();
  loadTab();
  // A slow list does not hold up the rest.
  await Promise.race([loadList(opened, view.live ? null : old), new Promise((done) => { setTimeout(done, 300); })]);
  if (page.view === view) await loadHistogram();
  if (page.view === view) loadFacets();
}

function reload() {
  kept.clear();
  load();
  if (page.view.event) openDetail(page.view.event, true);
}

function drawCounts() {
  if (!page.counts) return;
  page.total = shown(page.view).reduce((sum, name) => sum + (page.counts[name] ?? 0), 0);
  drawChips();
  drawSummary();
}

function drawSummary() {
  const newest = page.view.order !== 'asc' && list.rows[0]?.event.created_at;
  at('summary').textContent = !page.counts ? '' : `${plural(page.total, 'event')}`
    + (list.took ? ` · ${Math.round(list.took)} ms` : '') + (newest ? ` · newest ${ago(Date.parse(newest), now())}` : '');
}

let tail = null;
let tailState = '';
let missed = '';
let fresh = { events: 0, bad: 0 };

/** Follows if the view says so. Resolves once the stream is open, or has failed. */
function follow() {
  tail?.stop();
  tail = null;
  missed = '';
  if (!page.view.live) return drawLive();
  return new Promise((opened) => {
    const own = tail = new Tail(query(page.view, {}, ['since', 'until', 'order', 'fold']), {
      events(events) {
        if (tail !== own) return;
        arrive(events);
        addToHistogram(events);
        fresh = { events: fresh.events + events.length, bad: fresh.bad + countBad(events) };
        at('nothing').hidden ||= list.rows.length > 0;
      },
      state(state) {
        if (tail !== own) return;
        tailState = state;
        drawLive();
        opened();
      },
      reset() {
        missed = ' Some events were removed before they could be shown.';
        drawLive();
      },
    });
    tailState = 'connecting';
    drawLive();
    if (document.hidden) opened();
    else own.start();
  });
}

function drawLive() {
  const { live } = page.view;
  const state = !live ? '' : tailState !== 'live' ? 'waiting'
    : list.heldCount || list.current || !isAtTop() ? 'paused' : 'live';
  const words = { '': '', live: 'Live.', waiting: tailState.message ?? `${tailState}…`,
    paused: `Paused: ${list.current ? 'an event is selected' : 'you scrolled'}.` }[state] + (live ? missed : '');
  at('live').ariaPressed = String(Boolean(live));
  at('live').dataset.state = at('livestate').dataset.state = state;
  if (at('livestate').textContent !== words) at('livestate').textContent = words;
}

// A hidden tab lets go of its stream, and misses nothing.
document.addEventListener('visibilitychange', () => (document.hidden ? tail?.stop() : tail?.start()));
addEventListener('online', reload);
setInterval(drawSummary, 1000);
setInterval(() => {
  if (fresh.events) announce(plural(fresh.events, 'new event') + (fresh.bad ? `, ${plural(fresh.bad, 'error')}` : ''));
  fresh = { events: 0, bad: 0 };
}, 10_000);
setInterval(() => page.view.live && !document.hidden && loadHistogram(), 30_000);

// A link whose address is a query leads to another view.
document.addEventListener('click', (event) => {
  let target = event.target.closest('a[href^="?"]');
  if (!target || event.ctrlKey || event.metaKey) return;
  if (event.altKey || event.shiftKey) target = target.parentElement.querySelector('a.not');
  if (!target) return;
  event.preventDefault();
  target.closest('[popover]')?.hidePopover();
  go(parse(target.search));
});

at('list').tBodies[0].onclick = ({ target }) => {
  if (!target.closest('a') && getSelection().isCollapsed) openEvent(target.closest('tr').dataset.id);
};

const openEvent = (id) => go({ ...page.view, event: id });

let timer;
let isTyping = false;

function search() {
  clearTimeout(timer);
  const q = at('q').value.trim();
  if (q === (page.view.q ?? '')) return;
  go({ ...page.view, q }, isTyping);
  isTyping = true;
}

at('q').oninput = () => {
  clearTimeout(timer);
  timer = setTimeout(search, 300);
};
at('q').onblur = () => { isTyping = false; };
at('q').onkeydown = (event) => {
  if (event.isComposing) return;
  if (event.key === 'Enter') search();
  if (event.key === 'Escape') at('list').focus();
};

function copyLink(view = page.view) {
  copy(new URL(format(frozen(view, now())), location.href).href, 'Link');
}

let resting;

/** The open event follows at once, the address when keys rest: browsers limit its changes. */
function step(by) {
  const event = move(by);
  if (!event || !page.view.event) return;
  page.view = { ...page.view, event: event.id };
  openDetail(event.id);
  clearTimeout(resting);
  resting = setTimeout(() => history.replaceState(null, '', format(page.view)), 250);
}

const actions = {
  next: () => step(1),
  previous: () => step(-1),
  open: () => list.current && openEvent(list.current),
  close: () => (page.view.event ? openEvent(null) : isAtTop() ? toNewest() : select(null)),
  search: () => at('q').select(),
  newest: toNewest,
  oldest: () => select(list.rows.at(-1)?.event.id),
  live: () => go({ ...page.view, live: page.view.live ? null : '1', until: null, order: null }),
  reload,
  least: (key) => go(showing(page.view, severities.slice(0, 5 - key))),
  shift: (key) => go(shifted(page.view, now(), key === '[' ? -1 : 1)),
  widen: () => go(widened(page.view, now())),
  freeze: () => go(frozen(page.view, now())),
  exclude: () => [document.activeElement.closest('li, dd'), ...document.querySelectorAll('li:hover, dd:hover')]
    .map((value) => value?.querySelector('a.not')).find(Boolean)?.click(),
  context: () => list.current && go(context(list.rows.find(({ event }) => event.id === list.current).event, [])),
  link: () => copyLink(),
  help: () => at('help').showModal(),
  fold: () => go({ ...page.view, fold: page.view.fold ? null : 'true' }),
  permalink: () => copyLink({ ...everything(), event: page.view.event }),
  json: () => copy(detail.raw, 'JSON'),
  filters: () => document.body.classList.toggle('with-facets'),
  done: ({ target }) => target.closest('dialog').close(),
};

listen(actions);
for (const element of document.querySelectorAll('[data-icon], [data-action]')) {
  const { action, icon: name, key } = element.dataset;
  if (name) element.prepend(icon(name));
  if (action) element.onclick = (event) => actions[action](key ?? event);
}

for (const [id, fill] of Object.entries(menus)) {
  at(id).onbeforetoggle = ({ newState }) => newState === 'open' && at(id).replaceChildren(...fill().filter(Boolean));
}

addEventListener('popstate', () => {
  const view = parse(location.search || usual);
  const old = kept.get(format(view));
  remember();
  change(view, old);
});
history.scrollRestoration = 'manual';

page.view = parse(location.search || usual);
history.replaceState(null, '', format(page.view));
draw();
openDetail(page.view.event);
load();
watchSources();
