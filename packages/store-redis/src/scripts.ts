import { createHash } from 'node:crypto';

/**
 * One atomic step of the server. Every key it touches is in KEYS. All numbers travel as text, both ways: Lua would print
 * 1.76e+12, and a reply that is a number loses its fraction. Keys are compared by their bytes: Lua's `<` asks the server's locale.
 */
export interface Script {
  readonly text: string;
  /** By which the server finds it again. */
  readonly sha: string;
}

/** ARGV[1]: the time in ms, or empty for the server's own, in whole ms. */
const NOW = `
local now = ARGV[1]
if now == '' then
  local time = redis.call('TIME')
  now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
end
`;

/**
 * KEYS: record, due, leases, keys. ARGV[2]: the key, ARGV[3]: a channel or empty. Makes the indexes say what the record says,
 * and publishes the new generation, if there is one, and the key.
 */
const INDEX = `
local function index(generation)
  local times = redis.call('HMGET', KEYS[1], 'refresh_at', 'lease_until', 'gone_at')
  for i = 1, 2 do
    if times[i] then redis.call('ZADD', KEYS[i + 1], times[i], ARGV[2]) else redis.call('ZREM', KEYS[i + 1], ARGV[2]) end
  end
  if not times[3] then
    redis.call('PERSIST', KEYS[1])
  elseif redis.call('PTTL', KEYS[1]) < 0 then
    redis.call('PEXPIRE', KEYS[1], TOMBSTONE_MS)
  end
  if ARGV[3] ~= '' then redis.call('PUBLISH', ARGV[3], (generation or '') .. ' ' .. ARGV[2]) end
end
`;

/** A tombstone is kept this long, ms (30 days), so that a late answer cannot bring back what was forgotten. */
export const TOMBSTONE_MS = 30 * 24 * 60 * 60_000;

/** KEYS: record. Answers the time and the hash's fields and values, empty where there is none. */
export const READ = script(`${NOW}
return { now, redis.call('HGETALL', KEYS[1]) }
`);

/** KEYS: record, due, leases, keys. ARGV: nothing, key, channel, then fields and values. Answers 1, or 0 where a record stands. */
export const INSERT = script(`${INDEX}
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'revision', '1', unpack(ARGV, 4))
redis.call('ZADD', KEYS[4], 0, ARGV[2])
index(redis.call('HGET', KEYS[1], 'generation'))
return 1
`);

/**
 * KEYS: record, due, leases, keys. ARGV: time, key, channel, how many arguments the guards are, guards as name and value, changes
 * as name and value. Answers the lease's new end, or empty text; nothing where a guard does not hold.
 */
export const UPDATE = script(`${NOW}${INDEX}
local names = { 'revision', 'generation', 'epoch', 'v', 'lease_until', 'lease_holder', 'token', 'mark', 'gone_at', 'state',
  'intent_generation', 'intent_since' }
local row = {}
for i, value in ipairs(redis.call('HMGET', KEYS[1], unpack(names))) do row[names[i]] = value end
if not row.revision then return false end

local function same(column)
  return function(value) return row[column] and tonumber(row[column]) == tonumber(value) end
end
local holds = {
  token = function() return row.token end,
  nothing = function() return not row.token and not row.gone_at end,
  either = function() return row.token or row.gone_at end,
  ['no tombstone'] = function() return not row.gone_at end,
}
local guards = {
  revision = same('revision'),
  generation = same('generation'),
  epoch = same('epoch'),
  maxV = function(value) return tonumber(row.v) <= tonumber(value) end,
  leaseEnded = function() return not row.lease_until or tonumber(row.lease_until) <= tonumber(now) end,
  leaseHolder = function(value) return row.lease_holder == value end,
  holds = function(value) return holds[value]() end,
  markNot = function(value) return row.mark ~= value end,
}
local first = 5 + ARGV[4]
for i = 5, first - 1, 2 do
  if not guards[ARGV[i]](ARGV[i + 1]) then return false end
end

-- false takes a field away.
local change = { revision = string.format('%.0f', row.revision + 1) }
local epoch = row.epoch
local lease_until = ''
local function lease(ttl)
  lease_until = string.format('%.17g', now + ttl)
  change.lease_until = lease_until
end
local changes = {
  nextGeneration = function()
    local base = row.generation == '0' and math.max(1, math.floor(now)) or row.generation + 1
    change.generation = string.format('%.0f', base)
  end,
  settle = function()
    if row.state == 'contested' or row.state == 'repeated' then return end
    change.state = 'active'
    change.cause = false
  end,
  claim = function(ttl)
    epoch = string.format('%.0f', row.epoch + 1)
    change.epoch = epoch
    lease(ttl)
  end,
  renew = lease,
  holder = function(value) change.lease_holder = value end,
  intent = function(value)
    local standing = row.intent_generation and tonumber(row.intent_generation) == tonumber(value)
    change.intent_generation = value
    change.intent_since = standing and row.intent_since or now
    change.intent_epoch = epoch
    change.intent_uncertain = standing and '1' or '0'
  end,
}
for i = first, #ARGV, 2 do
  local name, value = ARGV[i], ARGV[i + 1]
  local operation, column = string.match(name, '^(%a+):(.+)$')
  if operation == 'set' then change[column] = value
  elseif operation == 'drop' then change[column] = false
  else changes[name](value) end
end

local sets, drops = {}, {}
for column, value in pairs(change) do
  if value then
    sets[#sets + 1] = column
    sets[#sets + 1] = value
  else
    drops[#drops + 1] = column
  end
end
redis.call('HSET', KEYS[1], unpack(sets))
if #drops > 0 then redis.call('HDEL', KEYS[1], unpack(drops)) end
local renewed = change.generation and tonumber(change.generation) ~= tonumber(row.generation)
index(renewed and change.generation)
return lease_until
`);

/** KEYS: record, due, leases, keys. ARGV[2]: key. Takes a key whose record is gone out of the indexes. */
export const FORGET = script(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
for i = 2, 4 do redis.call('ZREM', KEYS[i], ARGV[2]) end
return 1
`);

/**
 * KEYS: leases, then due sets. ARGV: time, how many keys are wanted of all, how many may be looked at in each set, and the place
 * to go on after: `refresh_at` and key, or twice empty. Answers the time, the place where it stopped looking (both empty where
 * it saw all that is due), then `refresh_at` and key of those that are due up to there and not under a live lease, in no order.
 */
export const DUE = script(`${NOW}
local want, look, after, after_key = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]

local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end
local function earlier(a, b)
  if a.at ~= b.at then return a.at < b.at end
  return before(a.key, b.key)
end

-- The rank of the first member past the place: equal times stand in byte order, so halving finds it.
local function start(set)
  if after == '' then return 0 end
  local low = redis.call('ZCOUNT', set, '-inf', '(' .. after)
  local high = redis.call('ZCOUNT', set, '-inf', after)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if before(after_key, redis.call('ZRANGE', set, middle, middle)[1]) then high = middle else low = middle + 1 end
  end
  return low
end

local found, stop = {}, nil
for i = 2, #KEYS do
  local set = KEYS[i]
  local total = redis.call('ZCOUNT', set, '-inf', now)
  local rank = total > 0 and start(set) or 0
  local taken, last, limit = 0, nil, rank + look
  while rank < total and rank < limit and taken < want do
    local page = redis.call('ZRANGE', set, rank, math.min(rank + 100, total, limit) - 1, 'WITHSCORES')
    local keys = {}
    for j = 1, #page, 2 do keys[#keys + 1] = page[j] end
    local leases = redis.call('ZMSCORE', KEYS[1], unpack(keys))
    for j, key in ipairs(keys) do
      last = { at = tonumber(page[2 * j]), text = page[2 * j], key = key }
      if not leases[j] or tonumber(leases[j]) <= tonumber(now) then
        found[#found + 1] = last
        taken = taken + 1
      end
    end
    rank = rank + #keys
  end
  if rank < total and (not stop or earlier(last, stop)) then stop = last end
end

table.sort(found, earlier)
local answer = { now, '', '' }
for i, entry in ipairs(found) do
  if stop and earlier(stop, entry) then break end
  if i > want then
    stop = found[want]
    break
  end
  answer[#answer + 1] = entry.text
  answer[#answer + 1] = entry.key
end
if stop then answer[2], answer[3] = stop.text, stop.key end
return answer
`);

/** KEYS: keys. ARGV: time, how many are wanted, then ranges as lowest and highest, ascending. Answers the time, then keys. */
export const LIST = script(`${NOW}
local want, answer = tonumber(ARGV[2]), { now }
for i = 3, #ARGV, 2 do
  if #answer > want then break end
  local page = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[i], ARGV[i + 1], 'LIMIT', 0, want + 1 - #answer)
  for _, key in ipairs(page) do answer[#answer + 1] = key end
end
return answer
`);

/**
 * KEYS: a hash and a sorted set of nobody. ARGV[1]: the channel. Tries every command the other scripts run, leaves nothing
 * behind, and answers the name and refusal of each that is refused: a script is not rolled back, so one that is forbidden half
 * of its commands would tear record and index apart.
 */
export const TRIAL = script(`
local refused = {}
local function try(command, ...)
  local reply = redis.pcall(command, ...)
  if type(reply) == 'table' and reply.err then
    refused[#refused + 1] = command
    refused[#refused + 1] = reply.err
  end
end
try('TIME')
try('EXISTS', KEYS[1])
try('HSET', KEYS[1], 'a', '1')
try('ZADD', KEYS[2], 0, 'a')
for i = 1, 2 do try('PEXPIRE', KEYS[i], 60000) end
try('PTTL', KEYS[1])
try('PERSIST', KEYS[1])
try('PEXPIRE', KEYS[1], 60000)
try('HGET', KEYS[1], 'a')
try('HMGET', KEYS[1], 'a')
try('HGETALL', KEYS[1])
try('ZMSCORE', KEYS[2], 'a')
try('ZCOUNT', KEYS[2], '-inf', 0)
try('ZRANGE', KEYS[2], 0, 0)
try('ZRANGEBYLEX', KEYS[2], '-', '+')
try('PUBLISH', ARGV[1], '')
try('ZREM', KEYS[2], 'a')
try('HDEL', KEYS[1], 'a')
return refused
`);

function script(source: string): Script {
  const text = source.trim().replaceAll('TOMBSTONE_MS', String(TOMBSTONE_MS));
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
