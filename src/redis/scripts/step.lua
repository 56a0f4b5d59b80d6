-- Carries out one step of a process: the same as `Table::step` in src/shards/table.rs.
--
-- KEYS: members, shards, stamp, generation
-- ARGV: node, incarnation, first ('1'), role, time to live in milliseconds, when the process started,
--       address ('-' for none), known stamp, generation for a store without one, number of shards to
--       give back, of shards to take; then shard and fence of each to give back, the shards to take
-- Returns accepted, the server's time in milliseconds, stamp, generation, the members (node and text
-- in turn), and the shards in the same way, or nothing when they are those of the known stamp.
--
-- A member is 'INCARNATION UNTIL ROLE STARTED ADDRESS', a shard 'FENCE INCARNATION NODE'. Lua's
-- numbers are exact to 53 bits; milliseconds need 41.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local node, incarnation = ARGV[1], ARGV[2]

redis.call('SETNX', KEYS[4], ARGV[9])
local generation = redis.call('GET', KEYS[4])

local members = {}
local stored = redis.call('HGETALL', KEYS[1])
for at = 1, #stored, 2 do
  local process, till = string.match(stored[at + 1], '^(%x+) (%d+) %a %d+ %S+$')
  if process and now < tonumber(till) then
    members[stored[at]] = process
  else
    redis.call('HDEL', KEYS[1], stored[at])
  end
end

local stamp = redis.call('GET', KEYS[3]) or '0'
local accepted = ARGV[3] == '1' or members[node] == nil or members[node] == incarnation
if accepted then
  local ttl = tonumber(ARGV[5])
  if ttl > 0 then
    local till = string.format('%.0f', now + ttl)
    local member = { incarnation, till, ARGV[4], ARGV[6], ARGV[7] }
    redis.call('HSET', KEYS[1], node, table.concat(member, ' '))
    members[node] = incarnation
  else
    redis.call('HDEL', KEYS[1], node)
    members[node] = nil
  end

  local next = string.format('%.0f', math.max(tonumber(stamp) + 1, now))
  local changed = false
  local gives, takes = tonumber(ARGV[10]), tonumber(ARGV[11])
  for at = 12, 10 + 2 * gives, 2 do
    local held = redis.call('HGET', KEYS[2], ARGV[at])
    if held and string.match(held, '^%d+ %x+') == ARGV[at + 1] .. ' ' .. incarnation then
      redis.call('HDEL', KEYS[2], ARGV[at])
      changed = true
    end
  end
  for at = 12 + 2 * gives, 11 + 2 * gives + takes do
    local held = redis.call('HGET', KEYS[2], ARGV[at])
    local process, holder = string.match(held or '', '^%d+ (%x+) (.*)$')
    if not process or members[holder] ~= process or process == incarnation then
      redis.call('HSET', KEYS[2], ARGV[at], next .. ' ' .. incarnation .. ' ' .. node)
      changed = true
    end
  end
  if changed then
    stamp = next
    redis.call('SET', KEYS[3], stamp)
  end
end

local shards = false
if stamp ~= ARGV[8] then
  shards = redis.call('HGETALL', KEYS[2])
end
return { accepted and 1 or 0, now, stamp, generation, redis.call('HGETALL', KEYS[1]), shards }
