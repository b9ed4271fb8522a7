// UTF-8 of whole columns. QuickJS has no TextDecoder, and a loop over bytes costs a hundred times what its native functions do:
// `atob` and `toBase64` make a string of bytes at a few nanoseconds each. It never changes a character: what is no text is refused.

/** ASCII of these bytes as text, or null: they hold something else. */
export function asciiOf(bytes) {
  return isAscii(bytes) ? latin1Of(bytes) : null;
}

/** Characters that are hardly ever in text: what separates values while all of them are converted at once. */
const SEPARATORS = ['\0', '\x01', '\x02', '\x1f'];
const separatorOf = (whole) => SEPARATORS.find((character) => !whole.includes(character));

/** The values of a column of text that is not all ASCII. */
export function textsOf(bytes, offsets, count) {
  const whole = latin1Of(bytes);
  const values = new Array(count);
  for (let i = 0, at = offsets[0]; i < count; i++) values[i] = whole.slice(at, (at = offsets[i + 1]));
  const separator = separatorOf(whole);
  return separator === undefined ? values.map(decoded) : decoded(values.join(separator)).split(separator);
}

const decoded = (latin1) => decodeURIComponent(escape(latin1));
const encodedLatin1 = (text) => unescape(encodeURIComponent(text));

/** The text of some bytes. */
export function textOf(bytes) {
  return asciiOf(bytes) ?? decoded(latin1Of(bytes));
}

/**
 * The bytes of texts behind one another, and where each begins and ends. Texts of nulls are null.
 * @throws if one of them is no Unicode
 */
export function bytesOf(texts, count) {
  const offsets = new Int32Array(count + 1);
  if (texts.length > count) texts.length = count;
  const whole = texts.join('');
  const bytes = latin1Bytes(whole);
  if (bytes !== null && isAscii(bytes)) {
    for (let i = 0, at = 0; i < count;) {
      const text = texts[i];
      if (text !== null) at += text.length;
      offsets[++i] = at;
    }
    return { bytes, offsets };
  }
  const separator = separatorOf(whole);
  // With something between them no two halves of surrogate pairs can look like one.
  if (!texts.join(separator ?? ' ').isWellFormed())
    throw new RangeError(
      `${JSON.stringify(texts.find((text) => text !== null && !text.isWellFormed()))} is no Unicode text: it has half of a surrogate pair`,
    );
  const parts =
    separator === undefined
      ? Array.from(texts, (text) => encodedLatin1(text ?? ''))
      : encodedLatin1(texts.join(separator)).split(separator);
  for (let i = 0, at = 0; i < count;) offsets[i + 1] = at += parts[i++].length;
  return { bytes: count === 0 ? bytes : latin1Bytes(parts.join('')), offsets };
}

/** The bytes of a text; halves of surrogate pairs become U+FFFD. */
export const bytesOfText = (text) => latin1Bytes(encodedLatin1(text.toWellFormed()));

function isAscii(bytes) {
  const length = bytes.length;
  let at = 0;
  let all = 0;
  if ((bytes.byteOffset & 3) === 0) {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, length >> 2);
    const count = words.length;
    let word = 0;
    for (; word + 8 <= count; word += 8) {
      all |=
        words[word] |
        words[word + 1] |
        words[word + 2] |
        words[word + 3] |
        words[word + 4] |
        words[word + 5] |
        words[word + 6] |
        words[word + 7];
    }
    for (; word < count; word++) all |= words[word];
    at = count << 2;
    all &= 0x80808080;
  }
  for (; at < length; at++) all |= bytes[at] & 0x80;
  return all === 0;
}

const native = typeof Uint8Array.prototype.toBase64 === 'function' && typeof TextDecoder === 'undefined';
// QuickJS makes bigger strings, but a piece at a time keeps what it holds at once small.
const PIECE = 3 << 18;

/** One character per byte. */
const latin1Of = native
  ? (bytes) => {
      if (bytes.length <= PIECE) return atob(bytes.toBase64());
      const pieces = [];
      for (let at = 0; at < bytes.length; at += PIECE) pieces.push(atob(bytes.subarray(at, at + PIECE).toBase64()));
      return pieces.join('');
    }
  : (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).latin1Slice();

/** One byte per character, or null if one of them does not fit. */
const latin1Bytes = native
  ? (text) => {
      try {
        return Uint8Array.fromBase64(btoa(text));
      } catch {
        return null;
      }
    }
  : (text) => (/[^\x00-\xff]/.test(text) ? null : Uint8Array.from(Buffer.from(text, 'latin1')));
