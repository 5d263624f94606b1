// Keeps the page up to date: what the server draws comes as server-sent events; here time is told and forms are sent.
import { updateList } from './lists.js';
import { clockText, distanceText, now, setClock } from './time.js';
import { passTime, place, startTimeline } from './timeline.js';

const main = document.querySelector('[data-live]');
const clock = document.querySelector('#clock time');
const badge = document.getElementById('live');
const problem = document.getElementById('problem');

function tellTime(element = document) {
  for (const time of element.querySelectorAll('time[data-at]')) {
    if (time !== clock) write(time, distanceText(Number(time.dataset.at)));
  }
  write(clock, clockText(now()));
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function show({ now: at, lists }) {
  setClock(at);
  main.dataset.now = String(at);
  // First what is there already: what is new then takes its place beside it.
  passTime();
  for (const [id, change] of Object.entries(lists)) {
    const list = document.getElementById(id);
    if (!list) continue;
    const focused = list.contains(document.activeElement) ? document.activeElement : undefined;
    for (const element of updateList(list, change)) {
      place(element);
      tellTime(element);
    }
    restoreFocus(list, focused);
  }
  tellTime();
}

/** Whoever was on a link or button of an item that was drawn anew is on that of the new one. */
function restoreFocus(list, focused) {
  if (!focused || focused.isConnected) return;
  const id = focused.closest('[data-id]')?.dataset.id;
  const item = [...list.children].find((element) => element.dataset.id === id);
  item?.querySelector('a, button')?.focus({ preventScroll: true });
}

function tell(state, text) {
  badge.hidden = false;
  badge.className = `badge ${state}`;
  badge.textContent = text;
}

const events = new EventSource(main.dataset.live);
events.addEventListener('open', () => tell('active', 'live'));
events.addEventListener('error', () => tell('retrying', 'disconnected'));
events.addEventListener('status', (event) => show(JSON.parse(event.data)));

/** The button that was pressed last. */
let pressed;

document.addEventListener('submit', async (event) => {
  const form = event.target;
  if (!form.matches('[data-quiet]')) return;
  event.preventDefault();
  const button = event.submitter;
  pressed = button;
  const fields = new URLSearchParams(new FormData(form, button));
  button.disabled = true;
  await (form.method === 'post' ? act(form, fields) : ask(form, fields));
  button.disabled = false;
  // Being disabled has cost it the focus; by now that may be wanted by another.
  if (pressed === button && document.activeElement === document.body) button.focus({ preventScroll: true });
});

/** An action: a redirect back to this page means that it is done; the page hears of it by itself. */
async function act(form, body) {
  const answer = await fetch(form.action, { method: 'POST', body, redirect: 'manual', keepalive: true }).catch(
    () => undefined,
  );
  problem.hidden = answer?.type === 'opaqueredirect';
  if (!problem.hidden) problem.textContent = await complaintOf(answer);
}

/** A call: what it brings is shown in its card. */
async function ask(form, fields) {
  const url = new URL(form.action);
  url.search = fields.toString();
  const answer = await fetch(url, { headers: { accept: 'application/json' } }).catch(() => undefined);
  const output = form.closest('[data-card]').querySelector('output');
  output.className = answer?.ok ? '' : 'failed';
  output.replaceChildren(...(answer?.ok ? told(await answer.json()) : [await complaintOf(answer)]));
  output.hidden = false;
}

async function complaintOf(answer) {
  if (!answer) return 'The example does not answer.';
  const { message, code, platformCode } = await answer.json().catch(() => ({ message: `HTTP ${answer.status}` }));
  return [message, code, platformCode && `platform code ${platformCode}`].filter(Boolean).join(' · ');
}

/** An answer in few words: its members, and how many there are of what comes in lists. */
function told(data) {
  return Object.entries(data).flatMap(([name, value]) => {
    const term = document.createElement('b');
    term.textContent = name;
    return [term, ` ${wordsFor(value)} `];
  });
}

function wordsFor(value) {
  if (!Array.isArray(value)) return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
  const names = value.map((each) => each?.name ?? each?.corpName ?? each?.appId ?? each?.corpId).filter(Boolean);
  return names.length === 0 ? `${value.length}` : `${value.length}: ${names.join(', ')}`;
}

setClock(Number(main.dataset.now));
startTimeline();
tellTime();
setInterval(() => {
  tellTime();
  passTime();
}, 1_000);
