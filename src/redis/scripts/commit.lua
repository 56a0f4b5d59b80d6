-- Applies one change of a mailbox as a whole, unless it is not as its claim found it.
--
-- KEYS: links, cursors, fence, journal, kept, seq, category
-- ARGV: fence, the number that it builds on, the commit's own name, cursors as JSON ('' leaves them),
--       number of links to write, of links to drop, of records, of kept versions, the most records,
--       the most kept versions, the category as JSON ('' leaves it), the first instants of records and of
--       kept versions that stay ('' for all; 8 bytes of an entry's head), the most that go for that; then id
--       and bytes of each link to write, the ids to drop, the records, the kept versions
-- Returns the new number. Nothing was written when it returns -1, because the fence is old, or -2,
-- because the state moved: somebody wrote, or the server lost what it had.

-- A fence has 64 bits and Lua's numbers 53: decimal texts are compared by length, then by digits.
local stored = redis.call('GET', KEYS[3])
local given = ARGV[1]
if stored and (#stored > #given or (#stored == #given and stored > given)) then
  return -1
end
local seq = redis.call('HGET', KEYS[6], 'n') or '0'
-- The answer was lost and the same commit is sent again.
if stored == given and redis.call('HGET', KEYS[6], 'by') == ARGV[3] then
  return tonumber(seq)
end
if stored ~= given or seq ~= ARGV[2] then
  return -2
end
redis.call('HSET', KEYS[6], 'n', string.format('%.0f', tonumber(seq) + 1), 'by', ARGV[3])

if ARGV[4] ~= '' then
  redis.call('SET', KEYS[2], ARGV[4])
end
if ARGV[11] ~= '' then
  redis.call('SET', KEYS[7], ARGV[11])
end

-- unpack is limited by the stack, about 8,000 values; 2,000 is even, as pairs need.
local function in_chunks(command, key, first, last)
  for from = first, last, 2000 do
    redis.call(command, key, unpack(ARGV, from, math.min(from + 1999, last)))
  end
end

-- Appends to a list, and drops from its head what is too old or too much.
local function append(list, first, last, most, since)
  if last < first then return end
  in_chunks('RPUSH', list, first, last)
  redis.call('LTRIM', list, -tonumber(most), -1)
  for _ = 1, since ~= '' and tonumber(ARGV[14]) or 0 do
    local entry = redis.call('LINDEX', list, 0)
    if not entry or string.sub(entry, 2, 9) >= since then break end
    redis.call('LPOP', list)
  end
end

local puts, drops = tonumber(ARGV[5]), tonumber(ARGV[6])
local records, kept = tonumber(ARGV[7]), tonumber(ARGV[8])
local last = 14 + 2 * puts
in_chunks('HSET', KEYS[1], 15, last)
in_chunks('HDEL', KEYS[1], last + 1, last + drops)
last = last + drops
append(KEYS[4], last + 1, last + records, ARGV[9], ARGV[12])
last = last + records
append(KEYS[5], last + 1, last + kept, ARGV[10], ARGV[13])
return tonumber(seq) + 1
