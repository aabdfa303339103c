// Requests: the token, failures and retries, the live stream.
import { at, h, page } from './dom.js';
import { MessageReader } from './lines.js';

const base = new URL('.', location.href);
// Services under one host, behind a proxy, have a token each.
const tokenKey = `logbook.token ${base.pathname}`;

export const token = {
  get value() { return sessionStorage.getItem(tokenKey) ?? ''; },
  set value(text) { sessionStorage.setItem(tokenKey, text); },
};

let clockOffset = 0;

export const now = () => Date.now() + clockOffset;

export const address = (path, query = '') => new URL(path + (query && `?${query}`), base).href;

const failure = (status, message, more) =>
  Object.assign(new Error(message), { status, passes: !status || status > 501, ...more });

export async function send(path, query, signal, headers = {}) {
  if (token.value) headers.Authorization = `Bearer ${token.value}`;
  const response = await fetch(address(path, query), { signal, headers, cache: 'no-store' })
    .catch((error) => { throw signal?.aborted ? error : failure(0, 'Logbook does not answer.'); });
  const offset = Date.parse(response.headers.get('date')) - Date.now();
  // The header has whole seconds.
  if (Math.abs(offset) > 2000) clockOffset = offset;
  if (response.ok) return response;
  // Without a body of ours, a proxy answered.
  const { detail } = await response.json().catch(() => ({ detail: `The answer was ${response.status}.` }));
  throw failure(response.status, detail, {
    wait: Number(response.headers.get('retry-after')),
    scope: /scope=/.test(response.headers.get('www-authenticate')) });
}

export const json = async (...request) => (await send(...request)).json();

const backOff = (attempt) => Math.min(30, 2 ** attempt) * (0.5 + Math.random() / 2);

/** A part of the page that loads, fails and retries on its own; its old content stays. */
export class Part {
  constructor(id) {
    this.element = at(id);
    this.trouble = h('p.trouble', { role: 'alert' });
    this.element.prepend(this.trouble);
    this.attempt = 0;
  }

  stop() {
    this.loading?.abort();
    clearTimeout(this.timer);
    this.element.ariaBusy = 'false';
  }

  async load(work) {
    this.stop();
    const loading = this.loading = new AbortController();
    this.element.ariaBusy = 'true';
    let error = null;
    await work(loading.signal).catch((one) => { error = one; });
    if (loading.signal.aborted) return;
    this.element.ariaBusy = 'false';
    this.trouble.textContent = error?.message ?? '';
    if (!error) this.attempt = 0;
    else if (error.status === 401 || error.scope) page.refused(error);
    else if (error.passes) {
      const wait = Math.ceil(Math.max(error.wait || 0, backOff(this.attempt)));
      this.attempt += 1;
      this.trouble.append(` Trying again in ${wait} s.`);
      this.timer = setTimeout(() => this.load(work), wait * 1000);
    }
  }
}

// Heartbeats come each 15 s by default.
const silence = 45_000;
const batch = 500;
// Between batches, in milliseconds: nobody reads faster.
const pause = 250;
// Over HTTP/1.1 a browser has six connections to a host: so many tabs keep a stream, others open
// one by turns. Only secure pages have locks.
const slots = 4;
const turn = 500;

const inSlot = (work, slot = 0) => (slot === slots || !navigator.locks ? work(!slot)
  : navigator.locks.request(`logbook stream ${slot}`, { ifAvailable: true },
    (lock) => (lock ? work(true) : inSlot(work, slot + 1))));

const wait = (ms) => new Promise((done) => { setTimeout(done, ms); });

export class Tail {
  last = '';

  /** `on.state` gets `live`, `reconnecting` or a failure. */
  constructor(query, on) {
    Object.assign(this, { query, on });
  }

  async start() {
    this.stop();
    const { signal } = this.abort = new AbortController();
    for (this.attempt = 0; !signal.aborted; this.attempt += 1) {
      const end = await inSlot((isKept) => this.#follow(signal, isKept)).catch((one) => one);
      if (signal.aborted) return;
      if (end?.status && !end.passes) return this.on.state(end);
      if (end !== turn) this.on.state('reconnecting');
      await wait(end === turn ? 4 * turn : backOff(this.attempt) * 1000);
    }
  }

  stop() {
    this.abort?.abort();
  }

  async #follow(signal, isKept) {
    const quiet = new AbortController();
    const expect = (ms) => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => quiet.abort(ms), ms);
    };
    expect(silence);
    const { body } = await send('events/stream', this.query, AbortSignal.any([signal, quiet.signal]),
      { Accept: 'text/event-stream', 'Last-Event-ID': this.last });
    this.on.state('live');
    const messages = new MessageReader();
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    if (!isKept) expect(turn);
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.attempt = 0;
      const arrived = messages.push(value);
      // A slow message is waited for: it would come no further the next time.
      if (isKept || !arrived.length) expect(isKept ? silence : turn);
      await this.#handOn(arrived, signal);
    }
  }

  /** Passes messages on, and moves the position to resume at no further than that. */
  async #handOn(messages, signal) {
    let events = [];
    for (const [place, message] of messages.entries()) {
      if (signal.aborted) return;
      if (message.event === 'event') events.push(JSON.parse(message.data));
      if (message.event === 'reset') this.on.reset();
      if (messages[place + 1]?.event === 'event' && events.length < batch) continue;
      this.last = message.id;
      if (!events.length) continue;
      this.on.events(events);
      events = [];
      // Nothing is read meanwhile: the server keeps the position, and memory stays small.
      await wait(pause);
    }
  }
}
