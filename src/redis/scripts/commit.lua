-- Applies one change of a mailbox as a whole, unless a newer owner has committed.
--
-- KEYS: links, cursors, fence, journal, kept, category
-- ARGV: fence, cursors as JSON ('' leaves them), number of links to write, of links to drop, of
--       records, of kept versions, the most records, the most kept versions, the category as JSON
--       ('' leaves it); then id and bytes of each link to write, the ids to drop, the records, the
--       kept versions
-- Returns 1, or 0 when the fence is old and nothing was written.

-- A fence has 64 bits and Lua's numbers 53: decimal texts are compared by length, then by digits.
local stored = redis.call('GET', KEYS[3])
local given = ARGV[1]
if stored and (#stored > #given or (#stored == #given and stored > given)) then
  return 0
end
redis.call('SET', KEYS[3], given)

if ARGV[2] ~= '' then
  redis.call('SET', KEYS[2], ARGV[2])
end
if ARGV[9] ~= '' then
  redis.call('SET', KEYS[6], ARGV[9])
end

-- unpack is limited by the stack, about 8,000 values; 2,000 is even, as pairs need.
local function in_chunks(command, key, first, last)
  for from = first, last, 2000 do
    redis.call(command, key, unpack(ARGV, from, math.min(from + 1999, last)))
  end
end

local puts, drops = tonumber(ARGV[3]), tonumber(ARGV[4])
local records, kept = tonumber(ARGV[5]), tonumber(ARGV[6])
local last = 9 + 2 * puts
in_chunks('HSET', KEYS[1], 10, last)
in_chunks('HDEL', KEYS[1], last + 1, last + drops)
last = last + drops
if records > 0 then
  in_chunks('RPUSH', KEYS[4], last + 1, last + records)
  redis.call('LTRIM', KEYS[4], -tonumber(ARGV[7]), -1)
end
last = last + records
if kept > 0 then
  in_chunks('RPUSH', KEYS[5], last + 1, last + kept)
  redis.call('LTRIM', KEYS[5], -tonumber(ARGV[8]), -1)
end
return 1
