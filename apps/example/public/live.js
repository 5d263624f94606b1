// Keeps the page up to date: parts drawn by the server come as server-sent events; here time is told and forms are sent.
const main = document.querySelector('[data-live]');
const badge = document.getElementById('live');
const problem = document.getElementById('problem');
const UNITS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** Markup by element, so that what has not changed stays as it is: a selection, say. */
const shown = new Map();
let serverNow = Number(main.dataset.now);
let heardAt = performance.now();

const now = () => serverNow + (performance.now() - heardAt);

/** Two units at most: "2 h 5 min". */
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

function tellTime() {
  for (const time of document.querySelectorAll('time[data-at]')) {
    const isClock = time.parentElement.id === 'clock';
    const distance = Number(time.dataset.at) - now();
    if (isClock) time.textContent = new Date(now()).toISOString().slice(0, 19).replace('T', ' ');
    else if (distance > 0) time.textContent = `in ${duration(distance)}`;
    else time.textContent = distance > -1_000 ? 'just now' : `${duration(-distance)} ago`;
  }
}

function show({ now: at, fragments }) {
  serverNow = at;
  heardAt = performance.now();
  main.dataset.now = String(at);
  for (const [id, markup] of Object.entries(fragments)) {
    if (shown.get(id) === markup) continue;
    shown.set(id, markup);
    const element = document.getElementById(id);
    if (element) element.innerHTML = markup;
  }
  tellTime();
}

function tell(state, text) {
  badge.hidden = false;
  badge.className = `badge ${state}`;
  badge.textContent = text;
}

const events = new EventSource('/api/events');
events.addEventListener('open', () => tell('active', 'live'));
events.addEventListener('error', () => tell('retrying', 'disconnected'));
events.addEventListener('status', (event) => show(JSON.parse(event.data)));

document.addEventListener('submit', async (event) => {
  const form = event.target;
  if (!form.matches('[data-quiet]')) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  event.submitter.disabled = true;
  // A redirect back to this page means that it is done; the page hears of it by itself.
  const answer = await fetch(form.action, { method: 'POST', body, redirect: 'manual', keepalive: true }).catch(
    () => undefined,
  );
  event.submitter.disabled = false;
  problem.hidden = answer?.type === 'opaqueredirect';
  if (!problem.hidden) problem.textContent = answer ? (await answer.json()).message : 'The example does not answer.';
});

tellTime();
setInterval(tellTime, 1_000);
