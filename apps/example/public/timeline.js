// Puts what the server has drawn in place: `data-from`, `data-to` and `data-at` are Unix ms, and become shares of the width.
import { now } from './time.js';

const HOUR_MS = 3_600_000;
/** How much of the width the past has; the rest is what is to come. The style sheet draws the line of now there. */
const PAST = 0.6;
/** Distances of the axis's lines in hours, by range in hours. */
const STEPS = [
  [1, 1 / 6],
  [6, 1],
  [24, 4],
  [72, 12],
  [336, 48],
];
/** What has moved by less is left where it is, share of the width. */
const TOO_LITTLE = 0.0003;
const KEY = 'evertoken-range';

const root = document.getElementById('timeline');
const axis = document.getElementById('axis');
const buttons = [...document.querySelectorAll('[data-hours]')];

let hours = 6;
let placedFor = Number.NaN;

/** Starts with the range that was chosen last in this tab. */
export function startTimeline() {
  for (const button of buttons) button.addEventListener('click', () => choose(Number(button.dataset.hours)));
  choose(Number(sessionStorage.getItem(KEY)) || hours);
}

/** Moves everything to where it belongs now; what has hardly moved stays. */
export function passTime() {
  const moved = Math.abs(now() - placedFor) / (hours * HOUR_MS);
  if (!(moved < TOO_LITTLE)) placeAll();
}

/** Puts what has just come in place. */
export function place(element) {
  const range = hours * HOUR_MS;
  const start = placedFor - PAST * range;
  const share = (at) => (100 * (at - start)) / range;
  for (const mark of element.querySelectorAll('[data-at]:not(time)')) placeMark(mark, share(Number(mark.dataset.at)));
  for (const bar of element.querySelectorAll('[data-from]')) placeBar(bar, share);
}

function choose(range) {
  hours = STEPS.some(([known]) => known === range) ? range : 6;
  sessionStorage.setItem(KEY, String(hours));
  for (const button of buttons) button.setAttribute('aria-pressed', String(Number(button.dataset.hours) === hours));
  root.dataset.range = String(hours);
  placeAll();
}

function placeAll() {
  placedFor = now();
  place(root);
  drawAxis();
}

function placeMark(mark, x) {
  const isSeen = x >= 0 && x <= 100;
  mark.classList.toggle('away', !isSeen);
  if (isSeen) mark.setAttribute('x', `${x.toFixed(3)}%`);
}

/** A bar whose end nobody knows goes on to the right; one that lasts goes to now. */
function placeBar(bar, share) {
  const { from, to } = bar.dataset;
  const begin = Math.max(-5, share(Number(from)));
  const end = to === '' ? 105 : Math.min(105, to === 'now' ? 100 * PAST : share(Number(to)));
  const isSeen = end >= 0 && begin <= 100 && end >= begin;
  bar.classList.toggle('away', !isSeen);
  if (!isSeen) return;
  if (bar.tagName === 'text') {
    bar.setAttribute('x', `${Math.max(0.3, begin).toFixed(3)}%`);
    // Words need room; the bar below them is there all the same.
    bar.classList.toggle('away', end - Math.max(0, begin) < 6);
    return;
  }
  bar.setAttribute('x', `${begin.toFixed(3)}%`);
  bar.setAttribute('width', `${Math.max(0.2, end - begin).toFixed(3)}%`);
}

function drawAxis() {
  const range = hours * HOUR_MS;
  const start = placedFor - PAST * range;
  const step = STEPS.find(([known]) => known === hours)[1] * HOUR_MS;
  const labels = [];
  for (let at = Math.ceil(start / step) * step; at < start + range; at += step) {
    const share = (at - start) / range;
    // The label of now would cover it.
    if (share < PAST - 0.06 || share > PAST + 0.02) labels.push(tick(at, share));
  }
  axis.replaceChildren(...labels, nowLabel());
}

function tick(at, share) {
  const element = document.createElement('span');
  element.className = Math.round(at / HOUR_MS) % 2 === 0 ? 'tick even' : 'tick';
  element.style.left = `${(100 * share).toFixed(3)}%`;
  const text = new Date(at).toISOString();
  element.textContent =
    hours > 72 ? text.slice(5, 10) : hours > 24 ? `${text.slice(5, 10)} ${text.slice(11, 13)}h` : text.slice(11, 16);
  return element;
}

function nowLabel() {
  const element = document.createElement('span');
  element.className = 'now';
  element.style.left = `${100 * PAST}%`;
  element.textContent = 'now';
  return element;
}
