
'use strict';
// Live events, devices and pictures. No library, no request but to this node.
const EVENTS = 200, PICTURES = 24, STALE_MS = 40000, RECENT_MS = 900000;
const $ = (id) => document.getElementById(id);
const text = (tag, content, cls) => {
  const made = document.createElement(tag);
  made.textContent = content;
  if (cls) made.className = cls;
  return made;
};
let token = sessionStorage.getItem('token') || '';
let stream = null, lastId = '', lastHeard = 0, connected = false, tries = 0, generation = 0;
let devices = new Map(), devicesNext = null;

const headers = () => (token ? { authorization: 'Bearer ' + token } : {});
async function get(path) {
  const answer = await fetch(path, { headers: headers(), cache: 'no-store' });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(problem.detail || answer.statusText), { status: answer.status });
  }
  return answer;
}

function say(message) {
  $('banner').hidden = !message;
  $('banner').textContent = message || '';
}
function show(on) {
  connected = on;
  $('link').textContent = on ? 'live' : 'not connected';
  $('link').className = on ? 'on' : 'off';
}

function age(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return s + ' s';
  if (s < 3600) return Math.floor(s / 60) + ' min';
  if (s < 86400) return Math.floor(s / 3600) + ' h';
  return Math.floor(s / 86400) + ' d';
}

// What a device's event says, for people.
function detail(value) {
  const d = value.detail || {}, said = [];
  if (d.text) said.push('“' + d.text + '”');
  if (d.minutes !== undefined) said.push(d.minutes + ' min');
  if (d.battery_percent !== undefined) said.push('battery ' + d.battery_percent + ' %');
  if (d.signal_dbm !== undefined) said.push(d.signal_dbm + ' dBm');
  if (d.location) said.push(d.location.latitude.toFixed(5) + ', ' + d.location.longitude.toFixed(5));
  if (d.cell) said.push('cell ' + [d.cell.mcc, d.cell.mnc, d.cell.lac, d.cell.cell].join('/'));
  return said.join(' · ');
}

function about(record, of) {
  const value = 'value' in record ? record.value : record.text;
  if (record.op === 'delete') return 'deleted';
  if (value === undefined) return record.content_type;
  if (of && of[2].startsWith('events/') && value && typeof value === 'object') return detail(value);
  if (of && of[2] === 'pictures' && value) return Math.ceil(value.size / 1024) + ' KiB';
  const plain = typeof value === 'string' ? value : JSON.stringify(value);
  return plain.length > 300 ? plain.slice(0, 300) + '…' : plain;
}

// The serial and the rest of the topic of a device's record.
const deviceOf = (record) => record.topic.match(/\/devices\/([^/]+)\/(.+)$/);

function addEvent(record) {
  const of = deviceOf(record);
  const name = of && of[2].replace(/^events\//, '').replace(/-/g, ' ');
  const item = document.createElement('li');
  if (record.class === 'critical') item.className = 'critical';
  const when = text('span', '', 'age');
  when.dataset.at = Date.parse(record.source_time || record.received);
  when.title = record.source_time || record.received;
  const what = text('span', '', 'what');
  what.append(text('b', of ? name + ' · ' + of[1] : record.topic), text('small', about(record, of)));
  item.append(when, what);
  const list = $('events');
  list.prepend(item);
  while (list.children.length > EVENTS) list.lastChild.remove();
  $('no-events').hidden = true;
}

async function addPicture(record, serial) {
  const picture = record.value;
  if (!picture || !picture.address) return;
  const item = document.createElement('li'), image = document.createElement('img');
  image.alt = 'Picture ' + picture.picture + ' of device ' + serial;
  image.loading = 'lazy';
  item.append(image, text('small', serial + ' · ' + (record.source_time || record.received).slice(0, 19)));
  const list = $('pictures');
  list.prepend(item);
  $('no-pictures').hidden = true;
  while (list.children.length > PICTURES) {
    URL.revokeObjectURL(list.lastChild.querySelector('img').src);
    list.lastChild.remove();
  }
  try {
    image.src = URL.createObjectURL(await (await get('/v1/' + picture.address)).blob());
  } catch (error) {
    image.alt += ' cannot be shown: ' + error.message;
  }
}

function drawDevices() {
  const body = $('devices'), now = Date.now();
  body.replaceChildren(...[...devices.values()].map((device) => {
    const row = document.createElement('tr');
    const late = device.missed_at && Date.parse(device.missed_at) < now;
    row.className = (late ? 'late ' : '') + (device.enabled ? '' : 'disabled');
    const seen = text('td', device.last_check_in ? '' : 'never');
    if (device.last_check_in) {
      seen.dataset.at = Date.parse(device.last_check_in);
      seen.title = device.last_check_in;
    }
    row.append(text('td', device.serial), text('td', device.name || ''), seen,
      text('td', device.software_version || ''));
    return row;
  }));
  body.closest('table').hidden = devices.size === 0;
  $('no-devices').hidden = devices.size > 0;
  $('more-devices').hidden = !devicesNext;
  tick();
}
async function loadDevices(after) {
  const page = await (await get('/v1/devices' + (after ? '?after=' + encodeURIComponent(after) : ''))).json();
  if (!after) devices.clear();
  page.devices.forEach((device) => devices.set(device.serial, device));
  devicesNext = page.next;
  drawDevices();
}
async function loadDevice(serial) {
  try {
    devices.set(serial, await (await get('/v1/devices/' + encodeURIComponent(serial))).json());
  } catch (error) {
    if (error.status === 404) devices.delete(serial);
  }
  drawDevices();
}

function onRecord(record) {
  const of = deviceOf(record);
  if (of && (of[2] === 'registration' || of[2] === 'check-in')) {
    if (devices.has(of[1]) || !devicesNext) loadDevice(of[1]);
    if (of[2] === 'check-in') return;
  }
  if (of && of[2] === 'pictures') addPicture(record, of[1]);
  addEvent(record);
  tick();
}

function onEvent(name, id, data) {
  if (id) lastId = id;
  if (name === 'ready') { show(true); say(''); tries = 0; return; }
  const body = JSON.parse(data);
  if (name === 'record') onRecord(body);
  if (name === 'gap' || name === 'damaged') {
    say('Records ' + body.from + ' to ' + body.to + ' (' + body.class + ') ' +
      (name === 'gap' ? 'were missed.' : 'are damaged.'));
  }
}

async function read(body, mine) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done || mine !== generation) return;
    lastHeard = Date.now();
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const field = {};
      for (const line of block.split('\n')) {
        const at = line.indexOf(': ');
        if (at > 0) field[line.slice(0, at)] = line.slice(at + 2);
      }
      if (field.event) onEvent(field.event, field.id, field.data);
    }
  }
}

// The events of the last minutes, as far as a few pages go.
async function recent() {
  const from = new Date(Date.now() - RECENT_MS).toISOString();
  let events = [], after = '';
  for (let pages = 0; pages < 10 && after !== null; pages += 1) {
    const page = await (await get('/v1/history?limit=1000&from=' + from + (after && '&after=' + after))).json();
    events = events.concat(page.records.filter((r) => r.kind === 'event')).slice(-EVENTS);
    after = page.next;
  }
  events.forEach((record) => {
    const of = deviceOf(record);
    if (of && of[2] === 'pictures') addPicture(record, of[1]);
    addEvent(record);
  });
}

// What to say if this node is one of a pair and does not serve: its redirects lead to another
// origin, where a browser does not follow.
async function passive() {
  try {
    const pair = await (await get('/v1/pair')).json();
    if (pair.serves) return '';
    const active = pair.partner.state === 'active' && pair.partner.http;
    return 'This node does not serve: what you see is old. ' +
      (active ? 'The active one is at ' + active + '/' : 'No node is active yet. Trying again.');
  } catch (error) {
    return '';
  }
}

async function connect() {
  const mine = ++generation;
  if (stream) stream.abort();
  stream = new AbortController();
  lastHeard = Date.now();
  try {
    const resume = lastId ? { 'last-event-id': lastId } : {};
    const answer = await fetch('/v1/live?snapshot=false',
      { headers: { ...headers(), ...resume }, signal: stream.signal, cache: 'no-store' });
    if (answer.status === 401 || answer.status === 403) {
      const problem = await answer.json().catch(() => ({}));
      show(false);
      $('entry').hidden = false;
      say(token ? problem.detail || 'The token was refused.' : 'Enter a token to see live events.');
      return;
    }
    if (!answer.ok) throw new Error('HTTP ' + answer.status);
    $('forget').hidden = !token;
    // An open node asks for none.
    $('entry').hidden = !token;
    if (!lastId) {
      await Promise.all([loadDevices(), recent()]);
    }
    await read(answer.body, mine);
  } catch (error) { /* said below */ }
  const lost = (await passive()) || 'The connection is lost: what you see is old. Trying again.';
  if (mine !== generation) return;
  show(false);
  say(lost);
  tries += 1;
  setTimeout(() => mine === generation && connect(), Math.min(30000, 500 * 2 ** tries));
}

function tick() {
  const now = Date.now();
  document.querySelectorAll('[data-at]').forEach((e) => {
    const shown = age(now - Number(e.dataset.at));
    if (e.textContent !== shown) e.textContent = shown;
  });
  // A heartbeat comes at least every 15 seconds: silence means that the link is dead.
  if (connected && now - lastHeard > STALE_MS) {
    show(false);
    connect();
  }
}

$('entry').addEventListener('submit', (event) => {
  event.preventDefault();
  token = $('token').value.trim();
  $('token').value = '';
  sessionStorage.setItem('token', token);
  lastId = '';
  tries = 0;
  $('events').replaceChildren();
  connect();
});
$('forget').addEventListener('click', () => {
  sessionStorage.removeItem('token');
  location.reload();
});
$('critical').addEventListener('change', (event) => {
  $('events').classList.toggle('only-critical', event.target.checked);
});
$('more-devices').addEventListener('click', () => loadDevices(devicesNext).catch((e) => say(e.message)));
setInterval(tick, 1000);
connect();
