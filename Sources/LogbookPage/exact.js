// JSON as it was written: numbers digit by digit, keys in their original order. No DOM.

const space = /[ \t\n\r]*/y;
const scalar = /"(?:[^"\\]|\\.)*"|[^\s,\]}]+/y;

/**
 * Reads JSON text into nodes: `{type, raw}`; objects have `members` (`{key, value}`), and
 * arrays `items`. The text comes from a server that has checked it.
 */
export function read(text) {
  let at = 0;
  const take = (pattern) => {
    pattern.lastIndex = at;
    const [found] = pattern.exec(text) ?? [''];
    at += found.length;
    return found;
  };
  const node = () => {
    take(space);
    const start = at;
    const open = text[at];
    if (open !== '{' && open !== '[') {
      const raw = take(scalar);
      if (!raw) throw new SyntaxError(`No JSON at ${at}`);
      return { type: raw[0] === '"' ? 'string' : /[-\d]/.test(raw[0]) ? 'number' : 'literal', raw };
    }
    const isObject = open === '{';
    const content = [];
    at += 1;
    for (take(space); text[at] !== (isObject ? '}' : ']'); take(space)) {
      if (at >= text.length) throw new SyntaxError('The JSON ends early');
      if (text[at] === ',') at += 1;
      if (!isObject) {
        content.push(node());
        continue;
      }
      take(space);
      const key = JSON.parse(take(scalar));
      take(space);
      at += 1; // The colon.
      content.push({ key, value: node() });
    }
    at += 1;
    const raw = text.slice(start, at);
    return isObject ? { type: 'object', raw, members: content }
      : { type: 'array', raw, items: content };
  };
  return node();
}

export const member = (object, key) => object.members.find((one) => one.key === key)?.value;

/** The text of a scalar for a metadata filter and for copying; of a string, without quotes. */
export const plainText = (node) => (node.type === 'string' ? JSON.parse(node.raw) : node.raw);
