-- Carries out one step of a process: the same as `Table::step` in src/shards/table.rs.
--
-- KEYS: members, shards, stamp, generation, history
-- ARGV: node, incarnation, first ('1'), role, time to live in milliseconds, when the process started,
--       address ('-' for none), known stamp, generation for a store without one, the generation and
--       number of steps that the process was told of ('-' and '0' for none), how long a table that
--       lost something is closed and how long a new one, in milliseconds, number of shards to give
--       back, of shards to take; then shard and fence of each to give back, the shards to take
-- Returns accepted, the server's time in milliseconds, stamp, generation, number of steps, until when
-- the table is closed, the members (node and text in turn), and the shards in the same way, or nothing
-- when they are those of the known stamp.
--
-- The history is 'STEPS OPENS LENGTH LOST': how many steps there were, until when the table is closed and
-- for how long that was said (0 when it is open), and the last other generation that was told of ('-').
-- A member is 'INCARNATION UNTIL TTL ROLE STARTED ADDRESS', a shard 'FENCE INCARNATION NODE'. A process
-- that lost its place stands among the members as 'former INCARNATION' with 'UNTIL TTL'; no node has a
-- name with a space. Lua's numbers are exact to 53 bits; milliseconds need 41.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local node, incarnation = ARGV[1], ARGV[2]

local function whole(number)
  return string.format('%.0f', number)
end

-- A process that was told of a later state than this one closes the table, as a new one is.
local new = redis.call('SETNX', KEYS[4], ARGV[9]) == 1
local generation = redis.call('GET', KEYS[4])
local steps, opens, length, lost =
  string.match(redis.call('GET', KEYS[5]) or '', '^(%d+) (%d+) (%d+) (%S+)$')
steps, opens, length = tonumber(steps or 0), tonumber(opens or 0), tonumber(length or 0)
local closing = new and tonumber(ARGV[13]) or 0
if ARGV[10] == generation then
  if tonumber(ARGV[11]) > steps then
    closing, steps = tonumber(ARGV[12]), tonumber(ARGV[11])
  end
elseif ARGV[10] ~= '-' and ARGV[10] ~= lost then
  closing, lost = tonumber(ARGV[12]), ARGV[10]
end
opens = math.min(opens, now + length)
if opens <= now then
  opens, length = 0, 0
end
if closing > 0 and now + closing > opens then
  opens, length = now + closing, closing
end
steps = steps + 1
local history = { whole(steps), whole(opens), whole(length), lost or '-' }
redis.call('SET', KEYS[5], table.concat(history, ' '))
local closed = now < opens

-- The members, by node; and each process that is one or may still believe so.
local members, alive = {}, {}
local stored = redis.call('HGETALL', KEYS[1])
for at = 1, #stored, 2 do
  local field, text = stored[at], stored[at + 1]
  local process, till, ttl, rest = string.match(text, '^(%x+) (%d+) (%d+)( %a %d+ %S+)$')
  local former = string.match(field, '^former (%x+)$')
  if former then
    till, ttl = string.match(text, '^(%d+) (%d+)$')
  end
  if till and now < tonumber(till) and (process or former) then
    if now + tonumber(ttl) < tonumber(till) then
      -- The clock was set back: nobody is a member for longer than one lease from now.
      till = whole(now + tonumber(ttl))
      local start = process and process .. ' ' or ''
      redis.call('HSET', KEYS[1], field, start .. till .. ' ' .. ttl .. (rest or ''))
    end
    if process then
      members[field] = { process = process, lease = till .. ' ' .. ttl }
    end
    alive[process or former] = true
  else
    redis.call('HDEL', KEYS[1], field)
  end
end

local stamp = redis.call('GET', KEYS[3]) or '0'
local before = members[node]
local joins = before == nil or before.process ~= incarnation
local accepted = ARGV[3] == '1' or not joins or before == nil
local told = stamp ~= ARGV[8]
if accepted then
  told = told or joins
  if before and joins then
    -- It may live and believe in its lease: its shards stay its own until that ends.
    redis.call('HSET', KEYS[1], 'former ' .. before.process, before.lease)
  end
  if closed and before == nil then
    -- In the history that was lost another may have held what this one held before.
    local all = redis.call('HGETALL', KEYS[2])
    for at = 1, #all, 2 do
      if string.match(all[at + 1], '^%d+ (%x+) ') == incarnation then
        redis.call('HDEL', KEYS[2], all[at])
      end
    end
  end
  local ttl = tonumber(ARGV[5])
  if ttl > 0 then
    local member = { incarnation, whole(now + ttl), ARGV[5], ARGV[4], ARGV[6], ARGV[7] }
    redis.call('HSET', KEYS[1], node, table.concat(member, ' '))
  else
    redis.call('HDEL', KEYS[1], node)
  end

  local next = whole(math.max(tonumber(stamp) + 1, now))
  local changed = false
  local gives, takes = tonumber(ARGV[14]), tonumber(ARGV[15])
  for at = 16, 14 + 2 * gives, 2 do
    local held = redis.call('HGET', KEYS[2], ARGV[at])
    if held and string.match(held, '^%d+ %x+') == ARGV[at + 1] .. ' ' .. incarnation then
      redis.call('HDEL', KEYS[2], ARGV[at])
      changed = true
    end
  end
  if takes > 0 and not closed then
    local first = 15 + 2 * gives
    local wanted = { unpack(ARGV, first + 1, first + takes) }
    local holders = redis.call('HMGET', KEYS[2], unpack(wanted))
    for at, shard in ipairs(wanted) do
      local process = string.match(holders[at] or '', '^%d+ (%x+) ')
      if not process or not alive[process] or process == incarnation then
        redis.call('HSET', KEYS[2], shard, next .. ' ' .. incarnation .. ' ' .. node)
        changed = true
      end
    end
  end
  if changed then
    stamp, told = next, true
    redis.call('SET', KEYS[3], stamp)
  end
end

local answer = {}
stored = redis.call('HGETALL', KEYS[1])
for at = 1, #stored, 2 do
  if not string.find(stored[at], ' ', 1, true) then
    answer[#answer + 1] = stored[at]
    answer[#answer + 1] = stored[at + 1]
  end
end
local shards = false
if told then
  shards = redis.call('HGETALL', KEYS[2])
end
return { accepted and 1 or 0, now, stamp, generation, steps, opens, answer, shards }
