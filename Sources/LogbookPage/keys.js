// Single keys. Each has a control that does the same; all can be switched off.
import { at, h, liking } from './dom.js';

const names = {
  next: ['j ArrowDown', 'Next event'],
  previous: ['k ArrowUp', 'Previous event'],
  open: ['Enter o', 'Open the event'],
  close: ['Escape', 'Close it, then leave the selection'],
  search: ['/', 'Search'],
  newest: ['g', 'To the newest event'],
  oldest: ['G', 'To the oldest that is loaded'],
  live: ['f Space', 'Follow, or pause'],
  reload: ['r', 'Reload'],
  least: ['1 2 3 4', 'Everything; from warning, error, critical on'],
  shift: ['[ ]', 'Half a window earlier, later'],
  widen: ['z', 'Zoom out'],
  freeze: ['t', 'Make the times absolute'],
  exclude: ['x', 'Not the value under the pointer or the focus'],
  context: ['c', 'Five minutes around the event'],
  link: ['y', 'Copy a link'],
  help: ['?', 'This help'],
};

function isTaken({ target, key }) {
  if (target.matches('input:not([type=checkbox], [type=radio]), textarea')) return key !== 'Escape';
  if (key === 'Enter' || key === ' ') return target.matches('a, button, summary, input, [role=slider]');
  return key.startsWith('Arrow') && target.matches('input, [role=slider]');
}

export function listen(actions) {
  document.addEventListener('keydown', (event) => {
    const key = event.key === ' ' ? 'Space' : event.key;
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented
      || document.querySelector('dialog[open], [popover]:popover-open') || isTaken(event)
      || (event.key.length === 1 && liking('keys') === 'off')) return;
    const name = Object.keys(names).find((one) => names[one][0].split(' ').includes(key));
    if (!name) return;
    event.preventDefault();
    actions[name](key);
  });
  at('help').querySelector('dl').append(...Object.values(names).flatMap(([keys, what]) => [
    h('dt', keys.split(' ').map((key) => h('kbd', key.replace('Arrow', '')))), h('dd', what)]));
  const box = at('keys');
  box.checked = liking('keys') !== 'off';
  box.onchange = () => liking('keys', box.checked ? 'on' : 'off');
}
