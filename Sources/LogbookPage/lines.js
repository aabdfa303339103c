// Reading streams of text in pieces. No DOM.

// The longest event is about 2 MB, if every character of it is escaped.
const longest = 8 * 1024 * 1024;

export class LineSplitter {
  #rest = '';

  push(piece) {
    const lines = (this.#rest + piece).split('\n');
    this.#rest = lines.pop();
    if (this.#rest.length > longest) throw new RangeError('A line of the stream is too long.');
    return lines;
  }
}

/** Reads Server-Sent Events as Logbook sends them; an `id` alone is a heartbeat. */
export class MessageReader {
  #splitter = new LineSplitter();
  #message = {};

  push(piece) {
    const messages = [];
    for (const line of this.#splitter.push(piece)) {
      const colon = line.indexOf(':');
      if (line === '') {
        if (this.#message.id) messages.push(this.#message);
        this.#message = {};
      } else if (colon > 0) {
        this.#message[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, '');
      }
    }
    return messages;
  }
}
