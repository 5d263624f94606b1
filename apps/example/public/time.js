// The server's clock, and how times are told. In sandbox mode that clock is days ahead of the browser's, and jumps.
const UNITS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

let serverNow = 0;
let heardAt = 0;

/** Sets the clock to what the server has just said, Unix ms. */
export function setClock(at) {
  serverNow = at;
  heardAt = performance.now();
}

/** The server's time now, Unix ms. */
export function now() {
  return serverNow + (performance.now() - heardAt);
}

/** In UTC, to the second. */
export function clockText(at) {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}

/** How far away a moment is: "in 2 h 5 min", "3 s ago". */
export function distanceText(at) {
  const distance = at - now();
  if (distance > 0) return `in ${duration(distance)}`;
  return distance > -1_000 ? 'just now' : `${duration(-distance)} ago`;
}

/** Two units at most. */
function duration(ms) {
  let seconds = Math.floor(ms / 1000);
  const parts = [];
  for (const [size, unit] of UNITS) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}
