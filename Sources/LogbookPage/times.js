// Times, ages and intervals. No DOM: `node --test` runs this.

const units = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/** Milliseconds of an age or an interval such as `90s`, `15m`, `36h`, `7d`; null for other text. */
export function milliseconds(text) {
  const match = /^(\d{1,9})([smhd])$/.exec(text ?? '');
  return match ? Number(match[1]) * units[match[2]] : null;
}

export function duration(ms) {
  const seconds = Math.round(Math.abs(ms) / 1e3);
  const parts = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const first = parts.findIndex(([size]) => seconds >= size);
  if (first < 0) return '0 s';
  const [size, name] = parts[first];
  const rest = parts[first + 1];
  const more = rest && Math.floor((seconds % size) / rest[0]);
  const whole = `${Math.floor(seconds / size)} ${name}`;
  return more ? `${whole} ${more} ${rest[1]}` : whole;
}

export function ago(ms, now) {
  const past = now - ms;
  if (past < 1500) return past < -6e4 ? `${duration(past)} ahead` : 'now';
  return `${/^\d+ \S+/.exec(duration(past))[0]} ago`;
}

/** Such as `2026-11-30 16:17:29`, by the time of day in UTC of a moment that is shifted. */
const clock = (ms, utc) => new Date(utc ? ms : ms - new Date(ms).getTimezoneOffset() * 6e4)
  .toISOString().slice(0, 19).replace('T', ' ');

export function stamp(ms, utc, now) {
  const [date, time] = clock(ms, utc).split(' ');
  return [date.startsWith(clock(now, utc).slice(0, 5)) ? date.slice(5) : date, time];
}

export function full(ms, utc) {
  const date = new Date(ms);
  const offset = -date.getTimezoneOffset();
  const zone = new Date(Math.abs(offset) * 6e4).toISOString().slice(11, 16);
  return `${clock(ms, utc)}${date.toISOString().slice(19, 23)} ${utc ? 'UTC' : (offset < 0 ? '-' : '+') + zone}`;
}

export const forInput = (ms, utc) => clock(ms, utc).replace(' ', 'T');
export const fromInput = (text, utc) => Date.parse(utc ? `${text}Z` : text);

const steps = ['1s', '5s', '15s', '30s', '1m', '5m', '15m', '30m', '1h', '3h', '6h', '12h', '1d',
  '2d', '7d', '14d', '30d', '90d', '365d'].map(milliseconds);

export function ticks(from, to, most, utc) {
  const step = steps.find((size) => (to - from) / size <= most) ?? (to - from) / most;
  const offset = utc ? 0 : new Date(from).getTimezoneOffset() * 6e4;
  const marks = [];
  for (let at = Math.ceil((from - offset) / step) * step + offset; at < to; at += step) {
    const [date, time] = clock(at, utc).split(' ');
    const label = step < 6e4 ? time : step < 864e5 && time !== '00:00:00' ? time.slice(0, 5)
      : to - from > 300 * 864e5 ? date : date.slice(5);
    marks.push({ at, label });
  }
  return marks;
}

export function lastNight(now) {
  const end = new Date(now);
  end.setHours(9, 0, 0, 0);
  const start = new Date(end);
  start.setDate(start.getDate() - 1);
  start.setHours(18);
  return { from: start.getTime(), to: Math.min(end.getTime(), now) };
}
